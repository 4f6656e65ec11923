"""The calculators in somebody else's MkDocs site. Only this imports mkdocs; our own site does without it.

    plugins:
      - search
      - fine-tune-or-not

It adds the fence, the `#!calc` figures, style and script. With `runtime: FOLDER`, the folder that `calculator bundle`
filled, the calculators work out what is typed; without it they stay worked examples.
"""

from functools import partial
from importlib.resources import files as resources
from pathlib import Path

from mkdocs.config import config_options
from mkdocs.config.base import Config
from mkdocs.config.config_options import ExtraScriptValue
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.exceptions import PluginError
from mkdocs.plugins import BasePlugin
from mkdocs.structure.files import File, Files

from calculator.web import bundle, site

FOLDER = "fine-tune-or-not/assets"
"""Where the files lie in the built site; the script looks for the runtime beside itself."""

STYLE, SCRIPT = "calculator.css", "calculator.js"
ON_DEMAND = (
    "chart.js", "counting.js", "display.js", "elements.js", "examine.css", "examine.js", "explore.css", "explore.js",
    "reading.js",
)  # fmt: skip
"""What the script fetches when it is needed."""


class Settings(Config):
    """What a site may set. runtime: a folder, relative to mkdocs.yml."""

    runtime = config_options.Optional(config_options.Dir(exists=True))


class Calculators(BasePlugin[Settings]):
    """Everything that a calculator on a page needs."""

    def on_config(self, config: MkDocsConfig) -> MkDocsConfig:
        """Add fence, figures, style and script to what the site has. PluginError for a folder without a runtime."""
        fence = {"name": "calculator", "class": "calculator", "format": partial(site.fence, worker=self._worker())}
        figure = {"name": "calc", "class": "calc", "format": site.figure}
        for extension, key, entry in (
            ("pymdownx.superfences", "custom_fences", fence),
            ("pymdownx.inlinehilite", "custom_inline", figure),
        ):
            if extension not in config.markdown_extensions:
                config.markdown_extensions.append(extension)
            settings = config.mdx_configs.setdefault(extension, {})
            settings[key] = [*settings.get(key, ()), entry]
        script = ExtraScriptValue(f"{FOLDER}/{SCRIPT}")
        script.type = "module"
        config.extra_css.append(f"{FOLDER}/{STYLE}")
        config.extra_javascript.append(script)
        return config

    def on_files(self, files: Files, *, config: MkDocsConfig) -> Files:
        """Add style, script and runtime to the built site."""
        for name in (STYLE, SCRIPT, *ON_DEMAND):
            content = (resources("calculator.assets") / name).read_bytes()
            files.append(File.generated(config, f"{FOLDER}/{name}", content=content))
        for path in sorted(Path(self.config.runtime).iterdir()) if self.config.runtime else ():
            files.append(File.generated(config, f"{FOLDER}/runtime/{path.name}", abs_src_path=str(path)))
        return files

    def _worker(self) -> str:
        if not self.config.runtime:
            return ""
        try:
            return bundle.worker_name(Path(self.config.runtime))
        except bundle.BundleError as error:
            raise PluginError(f"fine-tune-or-not: runtime: {error}") from None
