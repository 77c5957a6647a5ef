# SFT Workbench. `make` builds build/release/sft; `make run` starts it; `make test` proves it.
# VARIANT=release|debug|asan|tsan picks a build; each has a directory of its own.
VARIANT ?= release
B := build/$(VARIANT)

CC := gcc
WARN := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes
# No -march: kernels are chosen at run time by CPUID (the rules below, and base/hash_instructions.c).
# No -ffast-math: the UI must see NaN. Contraction off: plain C gives the same bytes under every compiler.
BASE := -std=c11 -D_GNU_SOURCE -Isrc -Itests -g -pthread -fno-math-errno -ffp-contract=off -MMD -MP
OPT_release := -O2
OPT_debug := -O0
OPT_asan := -O1 -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=all
OPT_tsan := -O1 -fsanitize=thread
SFT_CFLAGS = $(BASE) $(WARN) $(OPT_$(VARIANT)) $(if $(CI),-Werror) $(EXTRA) $(CFLAGS)
LDLIBS := -lncursesw -ltinfo -lcjson -lutf8proc -lsqlite3 -lpcre2-8 -lcurl -ldl -lm -pthread

ENGINE := $(foreach room,base math text data model eval train,$(wildcard src/engine/$(room)/*.c))
UI := $(wildcard src/ui/*.c)
CLI := $(wildcard src/cli/*.c)
object = $(patsubst %.c,$(B)/%.o,$(1))

all: $(B)/sft

$(B)/sft: $(call object,src/main.c $(CLI) $(UI)) $(B)/libengine.a
	$(CC) $(SFT_CFLAGS) $(LDFLAGS) $^ $(LDLIBS) -o $@

$(B)/libengine.a: $(call object,$(ENGINE))
	@rm -f $@
	ar rcs $@ $^

# What tests link besides the engine: the workbench and the option parser, not main.
$(B)/libapp.a: $(call object,$(UI) $(CLI))
	@rm -f $@
	ar rcs $@ $^

# The vector kernels alone may use what their name says; cpu.c decides whether they run.
$(B)/src/engine/math/%_avx2.o: EXTRA := -mavx2 -mfma -O3
$(B)/src/engine/math/%_avx512.o: EXTRA := -mavx512f -mavx512bw -mavx512dq -mavx512vl -mfma -O3
$(B)/src/engine/math/%_avx512_bf16.o: EXTRA := -mavx512f -mavx512bw -mavx512dq -mavx512vl -mavx512bf16 -mfma -O3
$(B)/src/engine/math/%_amx.o: EXTRA := -mavx512f -mavx512bw -mavx512dq -mavx512vl -mavx512bf16 -mfma -mamx-tile -mamx-bf16 -O3
$(B)/src/engine/math/%_plain.o: EXTRA := -O3

$(B)/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(SFT_CFLAGS) -c $< -o $@

# The kernels that a machine may lack, for the tests of every machine (tests/emulated/emulated.h).
$(B)/libemulated.a: $(call object,$(wildcard tests/emulated/*.c))
	@rm -f $@
	ar rcs $@ $^
$(B)/tests/emulated/%.o: EXTRA := -Itests/emulated/intrinsics -mavx2 -mfma -O1 -Wno-psabi

# A test is one small program in tests/unit, tests/tui, tests/stress, tests/bench or tests/parity.
TEST_LIBS := -lcmocka -lvterm -lutil $(LDLIBS)
TESTS := $(patsubst tests/%.c,$(B)/tests/%,$(wildcard tests/unit/test_*.c tests/tui/test_*.c))
TOOLS := $(patsubst tests/%.c,$(B)/tests/%,$(wildcard tests/stress/*.c tests/bench/*.c tests/parity/*.c tests/fuzz/*.c tests/cli/*.c))
TUI_HARNESS := $(call object,$(filter-out tests/tui/test_%,$(wildcard tests/tui/*.c)))
$(B)/tests/tui/test_%: $(B)/tests/tui/test_%.o $(TUI_HARNESS) $(B)/libapp.a $(B)/libengine.a
	$(CC) $(SFT_CFLAGS) $(LDFLAGS) $^ $(B)/libapp.a $(B)/libengine.a $(TEST_LIBS) -o $@
$(B)/tests/%: $(B)/tests/%.o $(B)/libemulated.a $(B)/libapp.a $(B)/libengine.a
	$(CC) $(SFT_CFLAGS) $(LDFLAGS) $^ $(B)/libapp.a $(B)/libengine.a $(TEST_LIBS) -o $@

# Pages made from tables of the source; test_settings, test_actions and test_man_page compare.
docs/settings.md: $(B)/tests/docs/settings_page
	$< > $@
docs/keys.md: $(B)/tests/docs/keys_page
	$< > $@
docs/sft.1: $(B)/tests/docs/man_page
	$< > $@

# Make the stored screens again, from the program as it is.
golden: $(B)/sft $(B)/tests/tui/test_screens
	SFT=$(B)/sft SFT_GOLDEN=1 $(B)/tests/tui/test_screens

# Everything that tests run: built in one go, so that -j has work.
programs: $(B)/sft $(TESTS) $(TOOLS)

JOBS := $(shell nproc 2>/dev/null || echo 2)
check-%: packages-test  # not beside it: make -j would compile before the headers are there
	$(MAKE) -s -j$(JOBS) VARIANT=$* programs
	scripts/run-tests.sh $*

packages-%:
	@scripts/packages.sh $*

# What a newcomer runs -------------------------------------------------------------------------

MODEL ?= models/all-MiniLM-L6-v2
TICKETS := --train sample_data/tickets/train.csv --validation sample_data/tickets/validation.csv \
           --test sample_data/tickets/test.csv
# Full tuning at a rate that suits a small encoder on a few hundred rows.
TICKETS_SETTINGS := --learning-rate 1e-4 --epochs 5

model: ; @scripts/fetch-model.sh $(MODEL)

run: packages-build
	@$(MAKE) -s -j$(JOBS) VARIANT=release all
	@$(MAKE) -s model MODEL=$(MODEL)
	@if [ -t 0 ] && [ -t 1 ]; then exec $(B)/sft ui --model $(MODEL) $(TICKETS) $(TICKETS_SETTINGS); \
	 else exec $(B)/sft train --model $(MODEL) $(TICKETS) $(TICKETS_SETTINGS); fi

test: layers check-release

asan: check-asan
tsan: check-tsan

# The figures of docs/parity.md, written into it; PARTS="model families" names some. SFT_PYTHON is an interpreter with torch, transformers and
# scikit-learn; where there is none, or no model, the parts that need it say they are skipped.
SFT_PYTHON ?= python3
export SFT_PYTHON
export SFT_MODEL ?= $(MODEL)
parity: packages-build
	@$(MAKE) -s -j$(JOBS) VARIANT=release programs
	@$(SFT_PYTHON) tests/parity/report.py $(PARTS)

# The engine's own step beside what the machine can do; each kernel of it by itself; more cores than there are; the whole command against the peer
# in turn, into docs/performance.md (PARTS="training step" names some); the answer to a key.
bench: packages-build
	@$(MAKE) -s -j$(JOBS) VARIANT=release all
	@$(B)/sft bench

bench-ops: packages-build
	@$(MAKE) -s -j$(JOBS) VARIANT=release programs
	@$(B)/tests/bench/bench_ops

bench-scale: packages-build
	@$(MAKE) -s -j$(JOBS) VARIANT=release programs
	@for shape in 32x64 16x128 16x11; do $(B)/tests/bench/scale $$shape; echo; done

bench-peer: packages-build
	@$(MAKE) -s -j$(JOBS) VARIANT=release programs
	@$(SFT_PYTHON) tests/bench/peer.py --python $(SFT_PYTHON) $(PARTS)

bench-keys: packages-build
	@$(MAKE) -s -j$(JOBS) VARIANT=release all
	@python3 tests/bench/ui_latency.py $(B)/sft ui --workspace $(B) --model $(MODEL) $(TICKETS) --epochs 40

# Longer than in the suite, under AddressSanitizer.
FUZZ_INPUTS ?= 200000
fuzz: packages-test
	@$(MAKE) -s -j$(JOBS) VARIANT=asan programs
	@for target in $(patsubst tests/%.c,build/asan/tests/%,$(wildcard tests/fuzz/*.c)); do echo "$$target"; $$target $(FUZZ_INPUTS) || exit 1; done

layers:
	@scripts/layers.sh

format:
	clang-format -i $(shell git ls-files '*.c' '*.h' | grep -v _tables.h)

PREFIX ?= /usr/local
install: all
	install -D $(B)/sft $(DESTDIR)$(PREFIX)/bin/sft
	install -D -m 644 docs/sft.1 $(DESTDIR)$(PREFIX)/share/man/man1/sft.1

help:
	@echo "make            build build/release/sft"
	@echo "make run        install what is missing, fetch the model once, open the workbench"
	@echo "make test       install what is missing, run every test"
	@echo "make asan tsan  the same tests under AddressSanitizer and UBSan, ThreadSanitizer"
	@echo "make parity     every figure against Transformers (SFT_PYTHON names its interpreter)"
	@echo "make bench      the training step; bench-ops: each kernel; bench-scale: on more cores; bench-peer: against Transformers;"
	@echo "                bench-keys: answers to keys"
	@echo "make fuzz       hostile input for longer than the tests do"
	@echo "make golden     write the stored screens anew"
	@echo "make layers     check the order of the rooms"
	@echo "make install    the program and its manual page, under PREFIX"
	@echo "make clean      remove build/"

clean:
	rm -rf build

.PHONY: all programs golden parity bench bench-ops bench-scale bench-peer bench-keys fuzz format install model run test asan tsan layers help clean
.SECONDARY:
-include $(shell find $(B) -name '*.d' 2>/dev/null)
