"""Finish a built site: what MkDocs and Zensical leave to be done once every page is written. Run after each build.

- every page gets a strict Content-Security-Policy, with a hash for each inline script and nothing else allowed;
- Material's search dialog and folded navigation get their names, and a page with a calculator its mark;
- the search is fetched when it is opened, not with every page;
- the theme's script is started by ours, once the page answers to its reader;
- pages with a calculator start Python in their head where it will be needed;
- a storage that is blocked or holds nonsense does not stop Material's scripts;
- the link that names the next page goes: Firefox would fetch that page at once, and the policy forbids it;
- our scripts and the theme's are minified, and our styles lose their comments and the space that means nothing;
- our own scripts and styles are addressed by their content, so that a page never meets another release's;
- `sitemap.xml` says nothing of the day it was built on: the same source is the same release on any day;
- `sw.js` gets the list of files to keep for reading without a network, with the digest of each;
- `llms.txt` lists the pages for machines that read, `schemas/` says what they may send and what comes back;
- the theme's styles lose what no page of the site uses;
- pages lose the space that means nothing and the words that are there for the search alone, which has them by then;
- what a shut fold of findings holds is fetched when it is opened;
- every page gets the picture that others show beside a link to it;
- a dead link, a missing anchor, an inline style or an inline handler fails the build.

Native only: it takes Node for the scripts and Pillow for the pictures. Running it twice changes nothing.
"""

import argparse
import base64
import hashlib
import json
import re
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urljoin, urlsplit

from calculator import MODEL_VERSION
from calculator.faces.schema import write_schemas
from calculator.web import cards, slim
from calculator.web.bundle import gzipped, run_node
from calculator.web.serve import published_address
from calculator.web.site import LINKED

RUNTIME = "assets/runtime/"
TOKENIZER = "assets/tokenizer/"
SCHEMAS = "schemas/"
CARDS = "assets/cards/"
_DIGITS = 16
_INLINE = re.compile(r"<script(?P<attributes>[^>]*)>(?P<code>.*?)</script>", re.DOTALL)
_SECTION = '<section class="calculator"'
_MAIN = 'class="md-main__inner md-grid"'
_MAIN_OF_CALCULATOR = 'class="md-main__inner md-grid calc-page"'
_ARTICLE = re.compile(r"<article.*?</article>", re.DOTALL)
_POLICY = re.compile(r'<meta http-equiv="Content-Security-Policy"[^>]*>')
_CHARSET = re.compile(r'<meta charset="utf-8"\s*/?>', re.IGNORECASE)
_SEARCH_DIALOG = re.compile(r'data-md-component="search" role="dialog"(?! aria-label)')
_OWN = re.compile(r'"\./(?P<name>[\w-]+\.(?:css|js))(\?v=\w+)?"')
_SEARCH = "search.js"
_SEARCH_AT_ONCE = '$(location.protocol!=="file:")'
_SEARCH_WHEN_OPENED = "$(!1)"
_SEARCH_WORKER = re.compile(r'"search": "(?P<to_root>[./]*)assets/javascripts/(?P<real>workers/search\.\w+\.min\.js)"')
_THEME_WAITS = re.compile(
    r'(?<!readyState\?)\b(?P<waits>\w+\(document,"DOMContentLoaded",\{once:!0\}\)'
    r"\.subscribe\(\(\)=>(?P<begins>\w+\.next\(document\))\))"
)
_THEME_LOOKS = '"loading"===document.readyState?'
_THEME_LATER = r'<link rel="preload" as="script" fetchpriority="low" href="\g<address>" data-theme>'
_THEME = re.compile(r'<script src="(?P<address>[./]*assets/javascripts/bundle\.[^"]*)"></script>')
_STORED = '__md_get=(e,_=localStorage,t=__md_scope)=>JSON.parse(_.getItem(t.pathname+"."+e))'
_STORED_OR_NOT = (
    '__md_get=(e,_,t=__md_scope)=>{try{const v=JSON.parse((_||localStorage).getItem(t.pathname+"."+e));'
    'return e!=="__palette"||v.color&&document.getElementsByName(e)[Number(v.index)]?v:null}catch(e){return null}}'
)
_KEEP = "__md_set=(e,_,t=localStorage,a=__md_scope)=>{try{t.setItem("
_KEEP_OR_NOT = "__md_set=(e,_,t,a=__md_scope)=>{try{(t||localStorage).setItem("
_EARLY = "assets/early.js"
_STYLES = re.compile(r'(?=<link rel="preload" [^>]*as="font")')
_WORKER = re.compile(r'<section class="calculator"[^>]* data-worker="([^"]+)"')
_NEXT = re.compile(r'<link rel="next" href="[^"]*"\s*/?>\s*')
_FOLDED = re.compile(
    r'aria-labelledby="(?P<name>__nav_[\d_]+)_label"(?P<rest>[^>]*>\s*<label class="md-nav__title" for="(?P=name)">'
    r"\s*<span[^>]*></span>\s*(?P<title>[^<]*?)\s*</label>)"
)
_KEPT_AS_IT_IS = re.compile(r"(<(pre|script|textarea)\b.*?</\2>)", re.DOTALL)
_INDENT = re.compile(r"\s*\n\s*")
_FOR_THE_SEARCH = re.compile(r'<details class="calc-computes">.*?</details>', re.DOTALL)
_FINDINGS = re.compile(
    r'(?P<fold><details class="evidence-more">.*?<div class="evidence")>(?P<cards>.*?)(?P<end></div></details>)',
    re.DOTALL,
)
_CARD = re.compile(r'<meta (?:property="og:(?:image|url)[\w:]*"|name="twitter:card") content="[^"]*">\n?')
_DESCRIBED = re.compile(r'<meta property="og:description" content="[^"]*"\s*/?>')
_LAST_CHANGED = re.compile(r"\s*<lastmod>[^<]*</lastmod>")
_FILLED = re.compile(r'^const RELEASE = \{"version":"\w', re.MULTILINE)
_SENTENCE_END = re.compile(r"\s+")


@dataclass(kw_only=True)
class Reader(HTMLParser):
    """What one page holds that the checks below need."""

    title: str = ""
    description: str = ""
    ids: set[str] = field(default_factory=set)
    links: list[str] = field(default_factory=list)
    forbidden: list[str] = field(default_factory=list)
    inside: str = ""

    def __post_init__(self) -> None:
        super().__init__(convert_charrefs=True)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note names, links and what a strict policy would block."""
        attributes = {name: value or "" for name, value in attrs}
        for name in ("id", "name") if tag == "a" else ("id",):
            if name in attributes:
                self.ids.add(attributes[name])
        for name in ("href", "src"):
            if name in attributes and attributes.get("rel") not in ("canonical", "alternate"):
                self.links.append(attributes[name])
        if tag == "style" or "style" in attributes:
            self.forbidden.append(f"an inline style on <{tag}>")
        self.forbidden += [f"an inline handler {name} on <{tag}>" for name in attributes if name.startswith("on")]
        if tag == "meta" and attributes.get("name") == "description":
            self.description = attributes.get("content", "")
        self.inside = tag

    def handle_endtag(self, tag: str) -> None:
        """Leave the element."""
        self.inside = ""

    def handle_data(self, data: str) -> None:
        """Keep the page's title."""
        if self.inside == "title" and not self.title:
            self.title = data.strip()


@dataclass(frozen=True, kw_only=True)
class Page:
    """One page of the site by its path inside it."""

    path: str
    text: str

    @cached_property
    def reader(self) -> Reader:
        """The page, parsed."""
        reader = Reader()
        reader.feed(self.text)
        return reader

    @property
    def address(self) -> str:
        """The page's path as links write it: without index.html."""
        return self.path.removesuffix("index.html")


def publish(root: Path) -> list[str]:
    """Do all of the above to the site in `root`; gives what is wrong with it, one line each."""
    prefix = urlsplit(published_address(root)).path
    late = [_may_come_late(path) for path in _theme_scripts(root)]
    versions = _minified(root) | _versions(root / "assets") | _slim(root)
    early = _taken(root / _EARLY)
    pages = []
    paths = sorted(root.rglob("*.html"))
    swapped = [digest for path in paths for digest in _script_digests(_content(path.read_text("utf-8")))]
    for path in paths:
        before = path.read_text("utf-8")
        after = _mended(_later(root, path, _lean(_versioned(_started(root, path, before, early), versions))))
        if all(late):
            after = _THEME.sub(_THEME_LATER, after)
        after = _with_policy(after, swapped)
        if after != before:
            path.write_text(after, "utf-8")
        pages.append(Page(path=path.relative_to(root).as_posix(), text=after))
    write_cards(root, pages)
    write_schemas(root / SCHEMAS, published_address(root) + SCHEMAS)
    write_sitemap(root)
    write_service_worker(root, versions)
    (root / "llms.txt").write_text(outline(pages, published_address(root)), "utf-8")
    return list(problems(root, pages, prefix))


def _taken(path: Path) -> str:
    """A script that goes into pages; "" where it is in them by now."""
    if not path.is_file():
        return ""
    text = path.read_text("utf-8").strip()
    path.unlink()
    return text


def _started(root: Path, path: Path, text: str, early: str) -> str:
    """The page with the script in its head that starts its worker, where it has one."""
    worker = _WORKER.search(text)
    if not (early and worker):
        return text
    to_root = "../" * (len(path.relative_to(root).parts) - 1) or "./"
    script = early.replace("WORKER", worker[1]).replace("ROOT", to_root).replace("LINKED", LINKED)
    return _STYLES.sub(lambda _: f"<script>{script}</script>\n", text, count=1)


def _theme_scripts(root: Path) -> list[Path]:
    return sorted(root.glob("assets/javascripts/bundle.*.min.js"))


def _may_come_late(path: Path) -> bool:
    """Have the theme's script begin where it is started after the page was read; whether it does by now."""
    text = path.read_text("utf-8")
    after = _THEME_WAITS.sub(rf"{_THEME_LOOKS}\g<waits>:\g<begins>", text)
    if after != text:
        path.write_text(after, "utf-8")
    return _THEME_LOOKS in after


def _is_published(root: Path) -> bool:
    """Whether this has been done to the site before: its service worker says of which release it is."""
    path = root / "sw.js"
    return path.is_file() and _FILLED.search(path.read_text("utf-8")) is not None


def _minified(root: Path) -> dict[str, str]:
    """Shorten our scripts, and the theme's with its search put off; and a version for it, as it is ours by then."""
    theme = _theme_scripts(root)
    if _is_published(root):
        # A script that is minified once more gets other names in it, and with them another version.
        return _by_content(root, theme)
    for path in theme:
        path.write_text(path.read_text("utf-8").replace(_SEARCH_AT_ONCE, _SEARCH_WHEN_OPENED), "utf-8")
    modules = [str(path) for path in sorted(root.glob("assets/*.js")) if path.name != _SEARCH]
    scripts = [str(path) for path in (*root.glob(f"assets/{_SEARCH}"), *theme)]
    if modules or scripts:
        run_node(Path(__file__).with_name("minify.mjs"), modules=modules, scripts=scripts)
    return _by_content(root, theme)


def _slim(root: Path) -> dict[str, str]:
    """Leave out of the theme's styles what no page uses; a version for each, as they are this release's own by then."""
    theme = sorted(root.glob("assets/stylesheets/*.css"))
    scripts = [*sorted(root.glob("assets/*.js")), *sorted(root.glob("assets/javascripts/*.js"))]
    texts = [path.read_text("utf-8") for path in scripts]
    used = slim.words((path.read_text("utf-8") for path in sorted(root.rglob("*.html"))), texts)
    kept = {path: slim.style(path.read_text("utf-8"), used) for path in theme}
    own = [path.read_text("utf-8") for path in sorted(root.glob("assets/*.css"))]
    before: dict[Path, str] = {}
    # One variable may be all that asks for another.
    while kept != before:
        before, wanted = kept, slim.asked([*kept.values(), *own], texts)
        kept = {path: slim.variables(text, wanted) for path, text in kept.items()}
    for path, text in kept.items():
        path.write_text(text, "utf-8")
    return _by_content(root, theme)


def _by_content(root: Path, files: Iterable[Path]) -> dict[str, str]:
    """A version for each of these files of the theme, which are this release's own by then."""
    return {path.relative_to(root).as_posix(): _digest(path.read_bytes())[:12] for path in files}


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _versions(folder: Path) -> dict[str, str]:
    """A version for each of our styles and scripts. A script that fetches others by name changes with them."""
    own = {path.name: path for path in sorted(folder.glob("*.*s")) if path.suffix in (".css", ".js")}
    own.pop(_SEARCH, None)
    found: dict[str, str] = {}

    def version(name: str) -> str:
        if name not in found:
            text = own[name].read_text("utf-8")
            linked = _OWN.sub(lambda m: f'"./{m["name"]}?v={version(m["name"])}"' if m["name"] in own else m[0], text)
            linked = slim.thin(linked) if name.endswith(".css") else linked
            if linked != text:
                own[name].write_text(linked, "utf-8")
            found[name] = _digest(linked.encode())[:12]
        return found[name]

    return {f"assets/{name}": version(name) for name in own}


def _versioned(text: str, versions: dict[str, str]) -> str:
    for name, version in versions.items():
        text = re.sub(rf'({re.escape(name)})(\?v=\w+)?(?=")', rf"\1?v={version}", text)
    return text


def _lean(text: str) -> str:
    """The page without its indentation and without what only the search reads, whose index is written by now."""
    parts = _KEPT_AS_IT_IS.split(_FOR_THE_SEARCH.sub("", text))
    # Between two that are kept as they are stands the name of the second one's element.
    return "".join(
        _INDENT.sub("\n", part) if at % 3 == 0 else part for at, part in enumerate(parts) if at % 3 != 2
    )


def _later(root: Path, path: Path, text: str) -> str:
    """Findings in a shut fold go into a file of their own; without scripts there is the page that has them all."""
    deep = len(path.relative_to(root).parts) - 1

    def move(found: re.Match[str]) -> str:
        part = path.with_name("findings.json")
        part.write_text(json.dumps(found["cards"], ensure_ascii=False), "utf-8")
        words = f'<p><a href="{"../" * deep}evidence/">All findings on one page</a></p>'
        return f'{found["fold"]} data-later="{part.name}">{words}{found["end"]}'

    return _FINDINGS.sub(move, text, count=1)


def _mended(text: str) -> str:
    """The theme's page with names for its search and its folds, the search put off, any storage borne, no next page."""
    text = _SEARCH_DIALOG.sub('data-md-component="search" role="dialog" aria-label="Search"', text)
    # A section with a page of its own is labelled by an icon, which says nothing.
    text = _FOLDED.sub(r'aria-label="\g<title>"\g<rest>', text)
    text = _SEARCH_WORKER.sub(r'"search": "\g<to_root>assets/search.js?worker=javascripts/\g<real>"', text)
    text = _NEXT.sub("", text).replace(_STORED, _STORED_OR_NOT).replace(_KEEP, _KEEP_OR_NOT)
    return text.replace(_MAIN, _MAIN_OF_CALCULATOR) if _SECTION in text else text


def _content(text: str) -> str:
    found = _ARTICLE.search(text)
    return found[0] if found else ""


def _script_digests(text: str) -> Iterator[str]:
    for script in _INLINE.finditer(text):
        if "src=" not in script["attributes"] and "application/json" not in script["attributes"]:
            digest = base64.b64encode(hashlib.sha256(script["code"].encode()).digest()).decode()
            yield f"'sha256-{digest}'"


_RULES = (
    "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'{}; style-src 'self'; img-src 'self' data:; "
    "font-src 'self'; connect-src 'self'; worker-src 'self'; manifest-src 'self'; frame-src 'self'; base-uri 'none'; "
    "form-action 'self'"
)


def _with_policy(text: str, swapped: Iterable[str]) -> str:
    """swapped: digests of what any page's content runs. A link inside the site puts it under this page's policy."""
    hashes = "".join(f" {digest}" for digest in dict.fromkeys((*_script_digests(text), *swapped)))
    policy = _RULES.format(hashes)
    tag = f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
    text = _POLICY.sub("", text)
    return _CHARSET.sub(lambda found: found[0] + tag, text, count=1)


def write_cards(root: Path, pages: list[Page]) -> None:
    """A picture for each page that says what it is about, and the tags that name it by its whole address."""
    address = published_address(root)
    home = next((page for page in pages if page.path == "index.html"), None)
    if home is None:
        return
    site = home.reader.title.rpartition(" - ")[2]
    folder = root / CARDS
    folder.mkdir(parents=True, exist_ok=True)
    for at, page in enumerate(pages):
        text = _CARD.sub("", page.text)
        described = _DESCRIBED.search(text)
        if described is None:
            continue
        name = f"{CARDS}{page.address.rstrip('/').replace('/', '-') or 'home'}.png"
        (root / name).write_bytes(cards.draw(*cards.words_of(text, page.reader.description), site))
        tags = (
            f'<meta property="og:url" content="{address}{page.address}">\n'
            f'<meta property="og:image" content="{address}{name}">\n'
            f'<meta property="og:image:width" content="{cards.WIDTH}">\n'
            f'<meta property="og:image:height" content="{cards.HEIGHT}">\n'
            '<meta name="twitter:card" content="summary_large_image">\n'
        )
        text = f"{text[: described.end()]}\n{tags}{text[described.end() :].lstrip()}"
        (root / page.path).write_text(text, "utf-8")
        pages[at] = Page(path=page.path, text=text)


def write_sitemap(root: Path) -> None:
    """The sitemap without dates, which are those of the build, and its compressed copy without the time of it."""
    path = root / "sitemap.xml"
    text = _LAST_CHANGED.sub("", path.read_text("utf-8"))
    path.write_text(text, "utf-8")
    compressed = root / "sitemap.xml.gz"
    if compressed.is_file():
        compressed.write_bytes(gzipped(text.encode()))


def write_service_worker(root: Path, versions: dict[str, str]) -> None:
    """Fill in the worker's files with their digests, and its version, which is the hash of them all."""
    path = root / "sw.js"
    if not path.is_file():
        return
    runtime = _quick_start(root)
    listed: dict[str, dict[str, str]] = {"pages": {}, "later": {}}
    for found in sorted(root.rglob("*")):
        name = found.relative_to(root).as_posix()
        if not found.is_file() or name == "sw.js" or name.startswith(".") or name in runtime:
            continue
        later = name.startswith((RUNTIME, TOKENIZER)) and found.suffix != ".json"
        if not later and (name.startswith(RUNTIME) or _left_out(name)):
            continue
        called = f"{name}?v={versions[name]}" if name in versions else re.sub(r"(^|/)index\.html$", r"\1", name)
        listed["later" if later else "pages"][called] = _digest(found.read_bytes())[:_DIGITS]
    version = _digest(json.dumps([listed, runtime]).encode())[:_DIGITS]
    release = {"version": version, **listed, "runtime": runtime}
    text = path.read_text("utf-8")
    line = f"const RELEASE = {json.dumps(release, separators=(',', ':'))};"
    filled, count = re.subn(r"^const RELEASE = .*;$", lambda _: line, text, count=1, flags=re.MULTILINE)
    if count != 1:
        raise ValueError("sw.js has no line 'const RELEASE = …;' to fill in")
    path.write_text(filled, "utf-8")


def _quick_start(root: Path) -> list[str]:
    """The files that a page's worker needs to start, without those of its slower way."""
    manifest = root / RUNTIME / "manifest.json"
    if not manifest.is_file():
        return []
    return [RUNTIME + name for name in json.loads(manifest.read_text("utf-8"))["starts"]["snapshot"]]


def _left_out(name: str) -> bool:
    # A server may put its own address into the sitemap; without it a link is followed by a whole load.
    never = name.endswith((".map", ".gz", ".txt", "sitemap.xml")) or "/lunr/" in name
    return never or name.startswith((TOKENIZER, SCHEMAS, CARDS))


def outline(pages: Iterable[Page], address: str) -> str:
    """`llms.txt`: what the site is, then each page with its one-sentence description."""
    listed = [page for page in pages if page.path != "404.html"]
    home = next(page for page in listed if page.path == "index.html")
    folders = {page.address.partition("/")[0] for page in listed if page.address.count("/") > 1}
    sections: dict[str, list[Page]] = {}
    for page in listed:
        if page is not home:
            first = page.address.partition("/")[0]
            sections.setdefault(first if first in folders else "", []).append(page)
    name_of_site = home.reader.title.rpartition(" - ")[2]
    lines = [
        f"# {name_of_site}",
        "",
        f"> {home.reader.description}",
        "",
        f"Model version {MODEL_VERSION}. Every calculator is one Python module; the same answers come from the command",
        "line (`python -m calculator run NAME --json field=value`), from a server of the Model Context Protocol",
        "(`python -m calculator mcp`) and from the pages below, where a query string sets the fields. What a decision",
        f"reads is at {address}{SCHEMAS}NAME.schema.json.",
    ]
    for name, found in sections.items():
        lines += ["", f"## {name.replace('-', ' ').capitalize() or 'Overall'}", ""]
        for page in found:
            title = page.reader.title.removesuffix(f" - {name_of_site}")
            said = _SENTENCE_END.sub(" ", page.reader.description).strip()
            lines.append(f"- [{title}]({address}{page.address})" + (f": {said}" if said else ""))
    return "\n".join(lines) + "\n"


def problems(root: Path, pages: list[Page], prefix: str) -> Iterator[str]:
    """Dead links, missing anchors, and whatever the policy would block."""
    by_path = {page.path: page for page in pages}
    for page in pages:
        reader = page.reader
        for found in reader.forbidden:
            yield f"{page.path}: {found} is blocked by the site's policy"
        for link in dict.fromkeys(reader.links):
            if wrong := _dead(root, by_path, page, link, prefix):
                yield f"{page.path}: the link {link} {wrong}"


def _dead(root: Path, pages: dict[str, Page], page: Page, link: str, prefix: str) -> str:
    parts = urlsplit(link)
    if parts.scheme or parts.netloc:
        return "" if parts.scheme in ("https", "http", "mailto", "data") else "has a scheme that is not allowed"
    if not parts.path:
        target = page.path
    elif parts.path.startswith("/"):
        if not parts.path.startswith(prefix):
            return "leaves the site"
        target = unquote(parts.path[len(prefix) :])
    else:
        target = urljoin(f"/{page.path}", unquote(parts.path)).lstrip("/")
    if not target or target.endswith("/"):
        target += "index.html"
    if not (root / target).is_file():
        folder_page = f"{target.rstrip('/')}/index.html"
        if not (root / folder_page).is_file():
            return "leads nowhere"
        target = folder_page
    anchor = unquote(parts.fragment)
    if anchor and target in pages and anchor not in pages[target].reader.ids and not anchor.startswith("__"):
        return "names a heading that is not there"
    return ""


def main(arguments: list[str] | None = None) -> int:
    """Finish the site; 1 when something is wrong with it."""
    parser = argparse.ArgumentParser(prog="python -m calculator.web.publish", description="Finish a built site.")
    parser.add_argument("root", nargs="?", default="site", type=Path, help="the built site (default: site)")
    given = parser.parse_args(arguments)
    wrong = publish(given.root)
    for line in wrong:
        print(line, file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
