"""`python -m docs.generate`: writes the pages anew."""

from pathlib import Path

from docs.generate.settings import write_settings

DOCS = Path(__file__).parents[1]

if __name__ == "__main__":
    (DOCS / "settings.md").write_text(write_settings(), encoding="utf-8")
