"""The corpus is what make_corpus.py writes, and what fuzzers have found.

usage: corpus_test.py CORPUS
"""

import hashlib
import pathlib
import sys

import make_corpus

REMEDY = "PYTHONPATH=test/protocol python3 test/fuzz/make_corpus.py test/fuzz/corpus"


def found_by_a_fuzzer(file: pathlib.Path) -> bool:
    """libFuzzer names its inputs by their SHA-1."""
    return file.name == hashlib.sha1(file.read_bytes()).hexdigest()


def differences(folder: pathlib.Path) -> list[str]:
    wanted = {
        f"{target}/{name}": content
        for target, inputs in make_corpus.corpus().items()
        for name, content in inputs.items()
    }
    files = [file for file in sorted(folder.rglob("*")) if file.is_file()]
    names = [str(file.relative_to(folder)) for file in files]
    found = [f"{name} is missing" for name in sorted(wanted.keys() - set(names))]
    for name, file in zip(names, files, strict=True):
        if name not in wanted and not found_by_a_fuzzer(file):
            found.append(f"{name} is not written by make_corpus.py")
        elif name in wanted and file.read_bytes() != wanted[name]:
            found.append(f"{name} is another version")
    return found


def main() -> int:
    found = differences(pathlib.Path(sys.argv[1]))
    if found:
        print(*found, f"{REMEDY} writes them anew", sep="\n")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
