"""check_documents.py FILE...: links between documents lead somewhere, headings are in order, and the
commands of ./dev that they name exist. Prints one line for each that does not."""
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
FENCE = re.compile(r"^ *```.*?^ *```", re.MULTILINE | re.DOTALL)


def prose(text):
    """The document without blocks and spans of code; lines stay where they are."""
    text = FENCE.sub(lambda block: "\n" * block[0].count("\n"), text)
    return re.sub(r"`[^`\n]*`", lambda span: " " * len(span[0]), text)


def headings(text):
    """[(line, level, title)], the code in a title without its marks."""
    blocks = FENCE.sub(lambda block: "\n" * block[0].count("\n"), text)
    return [(number, len(found[1]), found[2].strip())
            for number, line in enumerate(blocks.splitlines(), 1)
            if (found := re.match(r"(#+) (.*)", line))]


def anchors(text):
    """What GitHub makes of the headings."""
    made = []
    for _, _, title in headings(text):
        title = re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", title)
        anchor = re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-")
        again = made.count(anchor)
        made.append(f"{anchor}-{again}" if again else anchor)
    return set(made)


def links(text):
    """[(line, target)] of links that are not to other sites."""
    return [(number, target) for number, line in enumerate(prose(text).splitlines(), 1)
            for target in re.findall(r"\[[^]]*\]\(([^)\s]+)\)", line)
            if not re.match(r"[a-z]+:", target)]


def dead_link(path, target):
    """Why the link leads nowhere; None when it is good."""
    name, _, anchor = target.partition("#")
    file = (path.parent / name).resolve() if name else path
    if not file.exists():
        return f"{target}: there is no such file"
    if anchor and (file.suffix != ".md" or anchor not in anchors(file.read_text())):
        return f"{target}: {file.name} has no such heading"
    return None


def disorder(text):
    """[(line, what)] of headings that skip a level, and of more or less than one title."""
    found, level, titles = [], 0, 0
    for number, its, title in headings(text):
        titles += its == 1
        if its > level + 1 or (its == 1 and titles > 1):
            found.append((number, f"heading {title!r} is of level {its} after {level}"))
        level = its
    return found if titles else [(1, "there is no title"), *found]


def commands(text):
    """[(line, words)] of ./dev with what follows it in code."""
    found = []
    for number, line in enumerate(text.splitlines(), 1):
        for command in re.findall(r"\./dev ([a-z]+(?: (?:up|down|env|status)\b)?)", line):
            found.append((number, command))
    return found


def known_commands():
    told = subprocess.run([ROOT / "dev", "help"], capture_output=True, text=True, check=True).stdout
    return set(re.findall(r"^  ([a-z]+(?: (?:up|down|env|status)\b)?)", told, re.MULTILINE))


def check(path, known):
    text = path.read_text()
    problems = [(number, dead) for number, target in links(text) if (dead := dead_link(path, target))]
    problems += disorder(text)
    problems += [(number, f"./dev {command}: ./dev help does not tell of it")
                 for number, command in commands(text) if command not in known]
    return sorted(problems)


def main():
    known, failed = known_commands(), False
    for name in sys.argv[1:]:
        for number, what in check(pathlib.Path(name).resolve(), known):
            failed = True
            print(f"{name}:{number}: {what}", file=sys.stderr)
    sys.exit(failed)


if __name__ == "__main__":
    main()
