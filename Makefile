# SFT Workbench. `make` builds build/release/sft; `make run` starts it; `make test` proves it.
# VARIANT=release|debug|asan|tsan picks a build; each has a directory of its own.
VARIANT ?= release
B := build/$(VARIANT)

CC ?= gcc
WARN := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes
# No -march: kernels are chosen at run time by CPUID. No -ffast-math: the UI must see NaN. Contraction
# off, so that plain C gives the same bytes under every compiler.
BASE := -std=c11 -D_GNU_SOURCE -Isrc -Itests -g -pthread -fno-math-errno -ffp-contract=off -MMD -MP
OPT_release := -O2
OPT_debug := -O0
OPT_asan := -O1 -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=all
OPT_tsan := -O1 -fsanitize=thread
CFLAGS += $(BASE) $(WARN) $(OPT_$(VARIANT)) $(if $(CI),-Werror)
LDLIBS := -lncursesw -ltinfo -lcjson -lutf8proc -lsqlite3 -lpcre2-8 -ldl -lm -pthread

ENGINE := $(foreach room,base math text data model eval train,$(wildcard src/engine/$(room)/*.c))
UI := $(wildcard src/ui/*.c)
CLI := $(wildcard src/cli/*.c)
object = $(patsubst %.c,$(B)/%.o,$(1))

all: $(B)/sft

$(B)/sft: $(call object,src/main.c $(CLI) $(UI)) $(B)/libengine.a
	$(CC) $(CFLAGS) $(LDFLAGS) $^ $(LDLIBS) -o $@

$(B)/libengine.a: $(call object,$(ENGINE))
	@rm -f $@
	ar rcs $@ $^

$(B)/libui.a: $(call object,$(UI))
	@rm -f $@
	ar rcs $@ $^

# The vector kernels alone may use what their name says; cpu.c decides whether they run.
$(B)/src/engine/math/ops_avx2.o: CFLAGS += -mavx2 -mfma -O3
$(B)/src/engine/math/ops_avx512.o: CFLAGS += -mavx512f -mavx512bw -mavx512dq -mavx512vl -mfma -O3
$(B)/src/engine/math/ops_plain.o: CFLAGS += -O3

$(B)/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) -c $< -o $@

# A test is one small program: tests/unit/test_x.c. It links the engine and the UI, not main.
UNIT := $(patsubst tests/unit/%.c,$(B)/tests/unit/%,$(wildcard tests/unit/test_*.c))
$(B)/tests/unit/%: $(B)/tests/unit/%.o $(B)/libui.a $(B)/libengine.a
	$(CC) $(CFLAGS) $(LDFLAGS) $^ $(B)/libui.a $(B)/libengine.a -lcmocka -lvterm -lutil $(LDLIBS) -o $@

unit: $(UNIT)

clean:
	rm -rf build

.PHONY: all unit clean
.SECONDARY:
-include $(shell find build -name '*.d' 2>/dev/null)
