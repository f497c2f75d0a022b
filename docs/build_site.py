"""Builds the documents as a site: `python docs/build_site.py FOLDER`, with what requirements-docs.lock names installed.

The pages are those of docs/ and the README, as they are read in the checkout too; here only their links are turned to
where things lie in the site. Nothing is loaded from elsewhere, and a link that leads nowhere is an error.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
FRONT = "index.md"
# Documents that lie elsewhere in the checkout, by their names in the site.
ELSEWHERE = {
    "README.md": FRONT,
    "CHANGELOG.md": "changelog.md",
    "SECURITY.md": "reporting.md",
    "fixtures/README.md": "samples.md",
}
_LINK = re.compile(r"\]\((?!https?://|#|mailto:)([^)#\s]+)")
_FROM_ELSEWHERE = re.compile(rb"<(?:script|link|img|iframe)[^>]+(?:src|href)=\"?(?:https?:)?//[^\">]+")


def lay_out(source: Path) -> None:
    """Puts every page and every file that a page links to into an empty folder."""
    pages = {f"docs/{page.name}": page.name for page in (ROOT / "docs").glob("*.md")} | ELSEWHERE
    for lies, name in pages.items():
        text = (ROOT / lies).read_text(encoding="utf-8")
        (source / name).write_text(_relinked(text, Path(lies).parent, pages, source), encoding="utf-8")


def _relinked(text: str, folder: Path, pages: dict[str, str], source: Path) -> str:
    def target(found: re.Match[str]) -> str:
        lies = _normal(folder / found[1])
        if lies in pages:
            return f"]({pages[lies]}"
        if (ROOT / lies).is_file():
            (source / "files").mkdir(exist_ok=True)
            shutil.copy(ROOT / lies, source / "files" / Path(lies).name)
            return f"](files/{Path(lies).name}"
        if (ROOT / lies).is_dir():  # of which a site has none
            shutil.make_archive(str(source / Path(lies).name), "zip", ROOT / lies)
            return f"]({Path(lies).name}.zip"
        return found[0]

    return _LINK.sub(target, text)


def _normal(path: Path) -> str:
    return str((ROOT / path).resolve().relative_to(ROOT))


def from_elsewhere(site: Path) -> list[str]:
    """What pages of the site would load from other machines."""
    return sorted(
        {
            found.decode()
            for page in site.rglob("*.html")
            for found in _FROM_ELSEWHERE.findall(page.read_bytes())
            if b'rel="canonical"' not in found
        }
    )


def main(site: str) -> int:
    """The exit status: 1 where MkDocs complains, or a page loads something from elsewhere."""
    with tempfile.TemporaryDirectory() as name:
        source = Path(name)
        (source / "pages").mkdir()
        lay_out(source / "pages")
        settings = (ROOT / "docs/mkdocs.yml").read_text(encoding="utf-8")
        (source / "mkdocs.yml").write_text(f"docs_dir: {source / 'pages'}\n{settings}", encoding="utf-8")
        command = [
            sys.executable,
            "-m",
            "mkdocs",
            "build",
            "--strict",
            "--quiet",
            "-f",
            str(source / "mkdocs.yml"),
        ]
        quiet = os.environ | {"NO_MKDOCS_2_WARNING": "1"}  # docs/contributing.md knows that its time ends
        built = subprocess.run([*command, "-d", str(Path(site).resolve())], env=quiet, check=False)
    loaded = from_elsewhere(Path(site))
    print("\n".join([f"{len(list(Path(site).rglob('*.html')))} pages in {site}", *loaded]))
    return 1 if built.returncode or loaded else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
