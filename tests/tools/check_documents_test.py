"""The check of documents finds what readers would stumble over, and the documents are in order."""
import check_documents as check
import pytest

KNOWN = {"test", "cluster up"}


@pytest.mark.parametrize("text, problem", [
    ("# A\n\n[b](b.md)\n", None),
    ("# A\n\n[b](b.md#part-two)\n", None),
    ("# A\n\n## Part `x` of y\n\n[b](#part-x-of-y)\n", None),
    ("# A\n\n[web](https://example.com/none)\n", None),
    ("# A\n\n`[c](c.md)`\n\n```\n[c](c.md)\n# no heading\n```\n", None),
    ("# A\n\nRun `./dev test`, then `./dev cluster up`.\n", None),
    ("# A\n\n[c](c.md)\n", (3, "c.md: there is no such file")),
    ("# A\n\n[b](b.md#part-three)\n", (3, "b.md#part-three: b.md has no such heading")),
    ("# A\n\n### Deep\n", (3, "heading 'Deep' is of level 3 after 1")),
    ("# A\n\n# B\n", (3, "heading 'B' is of level 1 after 1")),
    ("Text\n", (1, "there is no title")),
    ("# A\n\n```\n./dev tset\n```\n", (4, "./dev tset: ./dev help does not tell of it")),
])
def test_a_document_is_judged(tmp_path, text, problem):
    (tmp_path / "b.md").write_text("# B\n\n## Part two\n")
    (tmp_path / "a.md").write_text(text)
    assert check.check(tmp_path / "a.md", KNOWN) == ([problem] if problem else [])


def test_the_documents_of_the_repository_are_in_order():
    known = check.known_commands()
    documents = [check.ROOT / "README.md", *sorted((check.ROOT / "docs").rglob("*.md"))]
    assert len(documents) > 10
    assert {str(path): found for path in documents if (found := check.check(path, known))} == {}
