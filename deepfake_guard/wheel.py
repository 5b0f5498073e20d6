"""Used while a wheel is built (pyproject.toml names it): the top-level templates/ travel inside the app."""

from __future__ import annotations

from pathlib import Path

from setuptools.command.build_py import build_py

TEMPLATES = Path("templates")


class BuildWithTemplates(build_py):  # type: ignore[misc]  # setuptools has no types
    """A host project finds the pages through APP_DIRS; in a checkout settings name the folder itself."""

    def run(self) -> None:
        super().run()
        if self.editable_mode:
            return
        for source in template_files():
            target = Path(self.build_lib) / "moderation" / source
            target.parent.mkdir(parents=True, exist_ok=True)
            self.copy_file(str(source), str(target))

    def get_source_files(self) -> list[str]:
        """For the sdist, from which wheels are built elsewhere."""
        return [*super().get_source_files(), *map(str, template_files())]


def template_files() -> list[Path]:
    return sorted(path for path in TEMPLATES.rglob("*") if path.is_file())
