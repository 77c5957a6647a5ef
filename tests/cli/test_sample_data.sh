#!/bin/sh
# test_sample_data.sh - the counts that sample_data/tickets/README.md promises still hold.
#
# The sample set is meant to be inspected: its planted faults are listed by file and line, so an edit
# that shifts a line would quietly make the list wrong. One awk program reads RFC 4180 (quoted
# fields may hold commas, quotes and line breaks), counts lines as the list does (the line where the
# record begins; the header is line 1), and checks the list and the README's table against the rows.
#
# Needs sh and awk only. Exit 0 when everything holds, 1 with one line per broken promise.

cd "$(dirname "$0")/../.." || exit 1
dir=sample_data/tickets
for f in README.md train.csv validation.csv test.csv known_faults.csv; do
    [ -s "$dir/$f" ] || { echo "$dir/$f: missing or empty"; exit 1; }
done

# README table row: | `label` | train | validation | test | total |
LC_ALL=C awk -v dir="$dir" '
function broken(what) { print what; failures++ }

# Split the complete record rec into field[1..n]; its quotes are balanced. Returns n.
function split_record(rec,    n, cell) {
    for (n = 0; ; ) {
        if (match(rec, /^"([^"]|"")*"/)) {
            cell = substr(rec, 2, RLENGTH - 2)
            gsub(/""/, "\"", cell)
        } else {
            match(rec, /^[^,"]*/)
            cell = substr(rec, 1, RLENGTH)
        }
        field[++n] = cell
        rec = substr(rec, RLENGTH + 1)
        if (rec == "") return n
        if (substr(rec, 1, 1) != ",") return -1
        rec = substr(rec, 2)
    }
}

# Read one file; each record goes to take_row() or take_fault() with its first line.
function read_csv(name, header, fields,    path, line, start, rec, quotes, text) {
    path = dir "/" name
    line = 0; rec = ""; quotes = 0
    while ((getline text < path) > 0) {
        line++
        if (index(text, "\r")) broken(path ":" line ": a carriage return")
        if (line == 1) {
            if (text != header) broken(path ":1: header is not " header)
            continue
        }
        if (quotes % 2 == 0) { start = line; rec = text } else rec = rec "\n" text
        quotes += gsub(/"/, "\"", text)
        if (quotes % 2) continue
        if (split_record(rec) != fields) broken(path ":" start ": not " fields " fields")
        else if (fields == 2) take_row(name, start)
        else take_fault(name ":" start)
    }
    if (quotes % 2) broken(path ":" start ": a quoted field without end")
    close(path)
}

function take_row(name, line,    key) {
    key = name ":" line
    text_of[key] = field[1]; label_of[key] = field[2]
    count[field[2], name]++; rows[name]++; total++
    if (!(field[2] in known)) broken(dir "/" key ": label not in the README: " field[2])
    if (split(field[1], words, /[ \n]+/) < 2) broken(dir "/" key ": fewer than two words")
    if (field[1] in seen) broken(dir "/" key ": the same text as " seen[field[1]])
    seen[field[1]] = key
}

function take_fault(where,    key, twin) {
    key = field[1] ":" field[2]; twin = field[4]
    if (!(key in text_of)) { broken("known_faults.csv, " where ": no row begins at " key); return }
    if (key in fault) broken("known_faults.csv, " where ": listed twice")
    fault[key] = field[3]
    faults[field[3]]++; faults[field[3], field[1]]++
    if (field[5] == "") broken("known_faults.csv, " where ": no note")
    if (field[3] == "wrong_label") {
        if (!(twin in known)) broken("known_faults.csv, " where ": no such label: " twin)
        if (twin == label_of[key]) broken("known_faults.csv, " where ": the label is right")
    } else if (field[3] == "near_duplicate") {
        if (!(twin in text_of)) broken("known_faults.csv, " where ": no row begins at " twin)
        else check_twins(where, key, twin)
    } else broken("known_faults.csv, " where ": unknown kind " field[3])
}

# Near-duplicates: same label, other text, and at least half of the words in common.
function check_twins(where, a, b,    n, i, word, have, common) {
    if (label_of[a] != label_of[b]) broken("known_faults.csv, " where ": twins differ in label")
    if (text_of[a] == text_of[b]) broken("known_faults.csv, " where ": exact duplicates")
    n = split(tolower(text_of[b]), word, /[^a-z0-9]+/)
    for (i = 1; i <= n; i++) have[word[i]] = 1
    n = split(tolower(text_of[a]), word, /[^a-z0-9]+/)
    for (i = 1; i <= n; i++) common += (word[i] in have)
    if (common * 2 < n) broken("known_faults.csv, " where ": twins have little in common")
}

function read_readme(    text, cell) {
    while ((getline text < (dir "/README.md")) > 0) {
        if (text !~ /^\| `[a-z_]+` \| *[0-9]/) continue
        gsub(/[ `]/, "", text)
        split(text, cell, "|")
        known[cell[2]] = 1; labels++
        want[cell[2], "train.csv"] = cell[3]
        want[cell[2], "validation.csv"] = cell[4]
        want[cell[2], "test.csv"] = cell[5]
        if (cell[3] + cell[4] + cell[5] != cell[6]) broken("README.md: sum of " cell[2])
    }
}

function expect(what, is, should) { if (is != should) broken(what ": " is + 0 ", not " should) }

BEGIN {
    read_readme()
    n = split("train.csv validation.csv test.csv", splits, " ")
    for (s = 1; s <= n; s++) read_csv(splits[s], "text,label", 2)
    read_csv("known_faults.csv", "file,line,kind,true_label_or_twin,note", 5)

    expect("labels", labels, 9)
    for (label in known)
        for (s = 1; s <= n; s++)
            expect("rows of " label " in " splits[s], count[label, splits[s]],
                   want[label, splits[s]])
    if (total < 620) broken("only " total " rows")
    if (rows["test.csv"] < 100) broken("only " rows["test.csv"] " test rows")
    expect("near-duplicates", faults["near_duplicate"], 10)
    expect("wrong labels", faults["wrong_label"], 12)
    expect("wrong labels in train.csv", faults["wrong_label", "train.csv"], 8)
    expect("wrong labels in validation.csv", faults["wrong_label", "validation.csv"], 2)
    expect("wrong labels in test.csv", faults["wrong_label", "test.csv"], 2)
    exit failures > 0
}'
