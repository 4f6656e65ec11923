"""The fences, the HTML and the charts, and the built site as a set of files."""

import base64
import gzip
import hashlib
import json
import re
import shutil
from dataclasses import replace
from html.parser import HTMLParser
from math import inf

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from mkdocs.commands.build import build
from mkdocs.config.defaults import MkDocsConfig
from PIL import Image

from calculator import catalog, engine
from calculator.exhibit import Bar, Bars, Curves, Grid, Line, Mark, Note, Segment, Table
from calculator.faces import agreement, chart, view
from calculator.units import GIB, MONTHS, SHARE, USD
from calculator.web import cards, publish, serve, slim
from calculator.web import site as fences

NAMES = catalog.names()
FENCE = "```calculator\n{}\n```\n"


def report_of(name):
    decision = catalog.decision(name)
    return engine.evaluate(name, decision, engine.read(decision, {}))


# The fences


def build_page(folder, text):
    """Build a site of one page with our fences and no theme."""
    (folder / "docs").mkdir(parents=True)
    (folder / "docs" / "index.md").write_text(text, "utf-8")
    fence = {"name": "calculator", "class": "calculator", "format": fences.fence}
    bad_run = {"name": "bad-run", "class": "bad-run", "format": fences.bad_run}
    inline = {"name": "calc", "class": "calc", "format": fences.figure}
    config = MkDocsConfig()
    config.load_dict(
        {
            "docs_dir": str(folder / "docs"),
            "site_dir": str(folder / "site"),
            "site_name": "test",
            "theme": {"name": "mkdocs", "highlightjs": False},
            "plugins": [],
            "markdown_extensions": [
                "pymdownx.highlight",
                {"pymdownx.superfences": {"custom_fences": [bad_run, fence]}},
                {"pymdownx.inlinehilite": {"custom_inline": [inline]}},
            ],
        }
    )
    assert config.validate() == ([], [])
    build(config)
    return (folder / "site" / "index.html").read_text("utf-8")


@pytest.mark.parametrize("name", NAMES)
def test_a_fence_renders_the_form_and_the_worked_default_of_its_decision(name):
    html = fences.render(name)
    assert view.render_report(report_of(name), agreement.words(report_of(name), {}), fences._html("actions")) in html
    for field in catalog.decision(name).Inputs.__dataclass_fields__:
        assert f'name="{field}"' in html, field


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ("no_such_decision", "no_such_decision"),
        (f'{NAMES[0]}\npreset = "no-such-preset"', "no-such-preset"),
        (f"{NAMES[0]}\nno_such_field = 3", "no_such_field"),
        (f"{NAMES[0]}\nthis is not TOML", "TOML"),
        (f'{NAMES[0]}\nshow = ["no_such_field"]', "no_such_field"),
    ],
)
def test_a_broken_fence_fails_the_build_with_page_and_line(tmp_path, body, says):
    with pytest.raises(Exception, match=r"index\.md:3: ") as error:
        build_page(tmp_path, "# Title\n\n" + FENCE.format(body))
    assert says in str(error.value)


@pytest.mark.parametrize(
    ("body", "says"), [("before = 3", "TypeError|AttributeError"), ("before = 'x'", "like 160 of"), ("=", "TOML")]
)
def test_a_broken_bad_run_fails_the_build_with_page_and_line(tmp_path, body, says):
    with pytest.raises(Exception, match=rf"index\.md:3: .*({says})"):
        build_page(tmp_path, f"# Title\n\n```bad-run\n{body}\n```\n")


def test_a_run_is_looked_at_when_the_page_is_built(tmp_path):
    html = build_page(tmp_path, "# Title\n\n```bad-run\nbefore = '160 of 200'\nafter = '161 of 200'\n```\n")
    assert "calc-found-headline" in html
    assert 'value="161 of 200"' in html


@pytest.mark.parametrize("name", NAMES)
def test_a_file_may_come_in_where_a_page_asks_for_what_one_holds(name):
    asks = {"labelled_examples", "test_items"} & set(catalog.decision(name).Inputs.__dataclass_fields__)
    assert ('data-action="file"' in fences.render(name)) == bool(asks)


@pytest.mark.parametrize("body", ["no_such_decision:answer", f"{NAMES[0]}:no_such_output", f"{NAMES[0]}:answer x=1"])
def test_a_broken_figure_in_prose_fails_the_build_with_page_and_line(tmp_path, body):
    with pytest.raises(Exception, match=r"index\.md:3: "):
        build_page(tmp_path, f"# Title\n\nIt says `#!calc {body}` here.\n")


def test_a_figure_in_prose_is_the_number_of_the_report(tmp_path):
    report = report_of(NAMES[0])
    html = build_page(tmp_path, f"# Title\n\nIt says `#!calc {NAMES[0]}:answer` here.\n")
    assert f'<span class="calc-inline">{chart.escape(str(report.verdict.answer))}</span>' in html


def test_two_calculators_on_a_page_have_different_ids(tmp_path):
    html = build_page(tmp_path, "# Title\n\n" + FENCE.format(NAMES[0]) * 2)
    ids = re.findall(r' id="([^"]+)"', html)
    assert len(ids) == len(set(ids))


# The HTML


class Outline(HTMLParser):
    """Fails on a tag that is not closed in order, or on an attribute that a strict policy blocks."""

    VOID = frozenset({"br", "circle", "input", "meta", "path", "rect"})

    def __init__(self):
        super().__init__()
        self.open = []

    def handle_starttag(self, tag, attrs):
        assert not {name for name, _ in attrs if name == "style" or name.startswith("on")}, attrs
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        if tag not in self.VOID:
            assert self.open.pop() == tag

    def check(self, html):
        self.feed(html)
        assert not self.open


@pytest.mark.parametrize("name", NAMES)
def test_a_report_is_well_formed_html_at_each_stage(name):
    decision = catalog.decision(name)
    report = engine.evaluate_point(name, decision, engine.read(decision, {}))
    for stage in (report, engine.add_spread(report), engine.add_flips(engine.add_spread(report))):
        Outline().check(view.render_report(stage))


@pytest.mark.parametrize("name", NAMES)
def test_the_verdict_holds_only_phrasing(name):
    tags = set(re.findall(r"<(\w+)", view.sections(report_of(name))["verdict"]))
    assert tags <= {"span", "svg", "rect"}


HOSTILE = "<script>alert(1)</script>\"'&<svg onload=x>"


def test_text_from_anywhere_is_escaped():
    exhibits = (
        Note(title=HOSTILE, paragraphs=(HOSTILE,)),
        Table(title=HOSTILE, columns=(HOSTILE,), rows=((HOSTILE,),), note=HOSTILE),
        Bars(title=HOSTILE, description=HOSTILE, unit=USD, bars=(bar(HOSTILE, 1, 2),), limit=Mark(label=HOSTILE, x=3)),
        curves(Line(label=HOSTILE, points=((1, 1), (2, 2))), Line(label=HOSTILE, points=((1, 1),))),
    )
    verdict = replace(report_of(NAMES[0]).verdict, headline=HOSTILE, reasons=(HOSTILE,), next_step=HOSTILE)
    html = view.render_report(replace(report_of(NAMES[0]), verdict=verdict, exhibits=exhibits))
    assert "<script" not in html
    assert "onload" in html
    Outline().check(html)


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=60))
def test_any_text_comes_back_from_the_escaped_one(text):
    class Text(HTMLParser):
        found = ""

        def handle_data(self, data):
            self.found += data

    parser = Text()
    parser.feed(f"<p>{chart.escape(text)}</p>")
    parser.close()
    assert parser.found == text


# The charts


def bar(label, *values):
    return Bar(label=label, segments=tuple(Segment(label=f"part {k}", value=v) for k, v in enumerate(values)))


def curves(*lines, marks=(), x_log=False, y_log=False):
    return Curves(
        title="t",
        description="d",
        x_label="x",
        y_label="y",
        x_unit=MONTHS,
        y_unit=USD,
        lines=lines,
        marks=marks,
        x_log=x_log,
        y_log=y_log,
    )


ODD = (0.0, inf, -inf, 1e-300, 1e300, 5e-324, 1.7e308)
NUMBERS = st.one_of(st.floats(-1e15, 1e15), st.floats(allow_nan=False), st.sampled_from(ODD))


@pytest.mark.parametrize("x_log", [True, False])
@pytest.mark.parametrize(
    ("low", "high"),
    [(5e-324, 1e-323), (0.0, 5e-324), (-1.79e308, 1.79e308), (1.0, 1 + 2**-52), (5e-324, 1.79e308), (1e308, 1.79e308)],
)
def test_the_ends_of_what_a_number_can_be_have_an_axis(low, high, x_log):
    drawn = chart.curves(curves(Line(label="a", points=((low, high), (high, low))), x_log=x_log, y_log=x_log))
    assert not re.search(r'"[^"]*\b(nan|inf)\b[^"]*"', drawn)


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(NUMBERS, NUMBERS), max_size=8), st.booleans(), st.booleans(), NUMBERS)
def test_curves_of_any_numbers_are_drawn_without_a_number_that_is_none(points, x_log, y_log, mark):
    exhibit = curves(
        Line(label="a", points=tuple(points)),
        marks=(Mark(label="m", x=mark), Mark(label="m", y=mark)),
        x_log=x_log,
        y_log=y_log,
    )
    html = view.render_exhibit(exhibit)
    Outline().check(html)
    assert not re.search(r'"[^"]*\b(nan|inf)\b[^"]*"', chart.curves(exhibit))


@example([[1.7e308], [1.7e308]], 0.0, True)
@settings(max_examples=150, deadline=None)
@given(st.lists(st.lists(NUMBERS, min_size=1, max_size=5), min_size=1, max_size=5), NUMBERS, st.booleans())
def test_bars_of_any_numbers_are_drawn(rows, limit, offset):
    exhibit = Bars(
        title="t",
        description="d",
        unit=GIB,
        bars=tuple(bar("b", *row) for row in rows),
        limit=Mark(label="m", x=limit),
        stacked_offset=offset,
    )
    Outline().check(view.render_exhibit(exhibit))
    assert not re.search(r'="[^"]*\b(nan|inf)\b[^"]*"', chart.bars(exhibit))


def test_every_chart_has_a_name_a_description_and_its_numbers_in_a_table():
    grid = Grid(
        title="Map",
        description="What where",
        x_label="x",
        y_label="y",
        x_unit=MONTHS,
        y_unit=SHARE,
        xs=(1.0, 2.0),
        ys=(0.1, 0.2),
        cells=(("yes", "no"), ("no", "no")),
        here=(1.0, 0.1),
    )
    for exhibit in (
        curves(Line(label="a", points=((1, 1), (2, 4)))),
        Bars(title="t", description="d", unit=GIB, bars=(bar("b", 1),)),
        grid,
    ):
        html = view.render_exhibit(exhibit)
        assert 'role="img"' in html
        assert f"<title>{exhibit.title}</title><desc>{exhibit.description}</desc>" in html
        assert "<table" in html


def test_a_label_in_the_sensitivity_chart_leaves_room_for_the_range_beside_it():
    label, words = "How often the model doubts a wrong answer more than a right one", "55 % – 85 %"
    drawn = chart.tornado("Title", "Words", USD, 2.0, [(label, words, 1.0, 3.0), ("Short", words, 1.0, 3.0)])
    shown = re.findall(r'class="calc-name"[^>]*>([^<]*)<', drawn)
    assert shown == ["How often the model doubts a wrong answer more than…", "Short"]


def test_a_place_on_a_chart_does_not_depend_on_the_size_of_the_numbers():
    small, large = (
        chart.curves(curves(Line(label="a", points=tuple((x * scale, x * scale) for x in (1.0, 2.0, 4.0)))))
        for scale in (1.0, 1e6)
    )
    shape = re.compile(r' d="(M[^"]+L[^"]+)"')
    assert shape.findall(small) == shape.findall(large)


# The built site


def pages(site):
    return sorted(path for path in site.rglob("*.html") if path.name != "404.html")


def location(site, path):
    """A page's place in the site, as links write it."""
    return path.relative_to(site).as_posix().removesuffix("index.html")


def test_every_page_has_one_heading_a_description_and_a_policy(site):
    for path in pages(site):
        text = path.read_text("utf-8")
        assert len(re.findall(r"<h1[ >]", text)) == 1, path
        assert re.search(r'<meta name="description" content="[^"]{20,}"', text), path
        assert text.index("Content-Security-Policy") - text.index('<meta charset="utf-8">') < 60, path


def test_the_policy_allows_just_the_inline_scripts_that_are_there(site):
    """Those of the page, and of any page's content, which a link inside the site puts under this page's policy."""
    texts = {path: path.read_text("utf-8") for path in site.rglob("*.html")}
    contents = (found[0] for text in texts.values() if (found := re.search(r"<article.*?</article>", text, re.DOTALL)))
    swapped = {code for content in contents for code in re.findall(r"<script>(.*?)</script>", content, re.DOTALL)}
    assert len(swapped) == 1
    for path, text in texts.items():
        policy = re.search(r'<meta http-equiv="Content-Security-Policy" content="([^"]+)">', text)[1]
        assert "unsafe-inline" not in policy
        assert "'unsafe-eval'" not in policy
        inline = swapped.union(re.findall(r"<script>(.*?)</script>", text, re.DOTALL))
        hashes = {base64.b64encode(hashlib.sha256(code.encode()).digest()).decode() for code in inline}
        assert set(re.findall(r"'sha256-([^']+)'", policy)) == hashes, path


def test_no_page_loads_anything_from_another_origin(site):
    for path in site.rglob("*.html"):
        text = path.read_text("utf-8")
        assert not re.findall(r'<(?:script|img|iframe|source|object)[^>]+(?:src|data)="(?:https?:)?//', text), path
        assert not re.findall(
            r'<link[^>]+rel="(?:stylesheet|preload|preconnect|icon|manifest)"[^>]+href="(?:https?:)?//', text
        )


@pytest.mark.parametrize("name", NAMES)
def test_each_decision_stands_on_a_page_of_the_site(site, name):
    assert any(f'data-decision="{name}"' in path.read_text("utf-8") for path in pages(site))


def test_every_link_leads_somewhere(site):
    prefix = "/" + serve.published_address(site).split("/", 3)[3]
    found = [publish.Page(path=p.relative_to(site).as_posix(), text=p.read_text("utf-8")) for p in site.rglob("*.html")]
    assert list(publish.problems(site, found, prefix)) == []


def test_the_day_of_a_build_is_in_none_of_its_bytes(tmp_path):
    found = []
    for day in ("2026-11-27", "2026-11-28"):
        root = tmp_path / day
        root.mkdir()
        (root / "sw.js").write_text("const RELEASE = null;\n")
        (root / "index.html").write_text('<html><head><meta charset="utf-8"><title>A page</title></head></html>')
        text = f"<urlset>\n<url>\n<loc>https://example.test/</loc>\n<lastmod>{day}</lastmod>\n</url>\n</urlset>"
        (root / "sitemap.xml").write_text(text)
        (root / "sitemap.xml.gz").write_bytes(gzip.compress(text.encode()))
        publish.publish(root)
        found.append({path.name: path.read_bytes() for path in root.rglob("*") if path.is_file()})
    assert found[0] == found[1]
    assert gzip.decompress(found[0]["sitemap.xml.gz"]) == found[0]["sitemap.xml"]
    assert b"<loc>https://example.test/</loc>" in found[0]["sitemap.xml"]
    assert found[0]["sitemap.xml.gz"][9] == 255


def test_a_published_style_loses_comments_and_space_and_nothing_in_quotes():
    style = '/* why */\n.a > .b {\n  content: "a  {b}; /";\n  margin: 0 auto;\n}\n'
    style += "\n@media (min-width: 1px) {\n  a { color: red; }\n}\n"
    thin = slim.thin(style)
    assert thin == '.a > .b{content: "a  {b}; /";margin: 0 auto;}@media (min-width: 1px){a{color: red;}}'
    assert slim.thin(thin) == thin


def test_a_page_loses_its_indentation_and_nothing_in_a_block_of_code():
    page = "<ul>\n    <li>a\n      b</li>\n\n</ul><pre>x\n  y</pre><textarea>\n  z</textarea><p>c</p>"
    assert publish._lean(page) == "<ul>\n<li>a\nb</li>\n</ul><pre>x\n  y</pre><textarea>\n  z</textarea><p>c</p>"


def test_findings_in_a_shut_fold_wait_in_a_file_that_holds_them_whole(site):
    found = list(site.rglob("findings.json"))
    assert found
    for path in found:
        page = path.with_name("index.html").read_text("utf-8")
        assert 'data-later="findings.json"' in page
        held_back = json.loads(path.read_text("utf-8"))
        number = int(re.search(r"<summary>(\d+) more findings", page)[1])
        assert held_back.count("<article") == held_back.count("</article>") == number


def test_every_page_has_a_picture_for_links_with_its_question_and_verdict(site):
    address = serve.published_address(site)
    for path in pages(site):
        text = path.read_text("utf-8")
        (name,) = re.findall(r'<meta property="og:image" content="([^"]*)">', text)
        assert name.startswith(address), path
        with Image.open(site / name.removeprefix(address)) as picture:
            assert (picture.format, picture.size) == ("PNG", (1200, 630))
        assert text.count('<meta name="twitter:card" content="summary_large_image">') == 1
        assert text.count('property="og:title"') == text.count('property="og:description"') == 1
    question, verdict, shares = cards.words_of((site / "decide" / "index.html").read_text("utf-8"), "")
    assert question
    assert str(report_of("fine_tune_or_not").verdict.answer) in verdict
    assert "% of" in shares


def test_the_picture_of_the_same_words_is_the_same_to_the_byte():
    words = ("A question that is long enough to need a second line, and then some more of it?", "Yes, in 97 % of draws")
    one = cards.draw(*words, "97 % of 256 draws", "The site")
    assert one == cards.draw(*words, "97 % of 256 draws", "The site")
    assert one != cards.draw(*words, "96 % of 256 draws", "The site")
    assert len(one) < 60_000
    assert cards.draw("", "", "word " * 500, "The site").startswith(b"\x89PNG")


RELEASE = re.compile(r"^const RELEASE = (.*);$", re.MULTILINE)
SLIPS = {
    '<p><a href="nowhere/">x</a></p>': "leads nowhere",
    '<p><a href="#no-such-heading">x</a></p>': "names a heading that is not there",
    '<p style="color:red">x</p>': "an inline style",
    '<p onclick="x()">x</p>': "an inline handler",
    '<p><a href="javascript:x()">x</a></p>': "not allowed",
}


def files_of(folder):
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_publishing_twice_changes_nothing_and_names_what_is_wrong(site, tmp_path):
    """A copy of the site, which is published, with slips on the first page, published again: both of one run."""
    shutil.copytree(site, tmp_path, dirs_exist_ok=True)
    index = tmp_path / "index.html"
    index.write_text(index.read_text("utf-8").replace("</article>", f"{''.join(SLIPS)}</article>"), "utf-8")
    before = files_of(tmp_path)
    wrong = publish.publish(tmp_path)
    assert len(wrong) == len(SLIPS), wrong
    for slip, says in SLIPS.items():
        assert any(line.startswith("index.html") and says in line for line in wrong), (slip, wrong)
    after = files_of(tmp_path)
    releases = [json.loads(RELEASE.search(files.pop("sw.js").decode())[1]) for files in (before, after)]
    assert after == before
    # The list of files names the page with the slips by its digest, and itself by all of them.
    kept = [{**release, "version": "", "pages": {**release["pages"], "": ""}} for release in releases]
    assert kept[0] == kept[1]
    assert releases[0]["version"] != releases[1]["version"]


def test_the_service_worker_keeps_every_page_and_only_files_that_exist(site):
    release = json.loads(RELEASE.search((site / "sw.js").read_text("utf-8"))[1])
    assert set(release["pages"]) >= {
        path.relative_to(site).as_posix().removesuffix("index.html") for path in pages(site)
    }
    for name, digest in {**release["pages"], **release["later"]}.items():
        path = site / name.partition("?")[0]
        content = (path / "index.html" if path.is_dir() else path).read_bytes()
        assert hashlib.sha256(content).hexdigest().startswith(digest), name
    for name in release["runtime"]:
        assert (site / name).is_file(), name
    assert release["runtime"]


def test_why_to_believe_it_stands_before_the_first_answer_with_figures_of_the_build(site):
    text = (site / "index.html").read_text("utf-8")
    before = text[: text.index('class="calculator"')]
    for what in ("comparisons", "training-memory", "training-throughput"):
        assert f'<span class="calc-ours">{fences.quantity(f"ours:{what}")}</span>' in before
    with pytest.raises(ValueError, match="must be one of: comparisons"):
        fences.quantity("ours:luck")


def test_every_page_has_a_title_of_its_own_and_a_link_to_the_code(site):
    titles = {}
    for path in pages(site):
        text = path.read_text("utf-8")
        (title,) = re.findall(r"<title>([^<]*)</title>", text.partition("</head>")[0])
        titles.setdefault(title, []).append(path)
        assert title.count("Fine-tune or not?") == 1, path
        assert re.search(r'<a href="https://[^"]+"[^>]*title="The code"', text), path
    assert [found for found in titles.values() if len(found) > 1] == []


def test_llms_txt_names_every_page_once(site):
    text = (site / "llms.txt").read_text("utf-8")
    address = serve.published_address(site)
    linked = re.findall(r"\]\(([^)]+)\)", text)
    assert sorted(linked) == sorted(
        address + path.relative_to(site).as_posix().removesuffix("index.html")
        for path in pages(site)
        if path.parent != site
    )
    name = text.splitlines()[0].removeprefix("# ")
    assert text.count(name) == 1, "the site's name stands once, not behind each title"
    (schemas,) = re.findall(r"is at (\S+)NAME\.schema\.json", text)
    assert (site / schemas.removeprefix(address) / "limited_compute.schema.json").is_file()


def test_a_page_carries_the_runtime_that_was_built_with_it(site):
    worker = json.loads((site / "assets/runtime/manifest.json").read_text("utf-8"))["worker"]
    workers = {w for path in pages(site) for w in re.findall(r'data-worker="([^"]*)"', path.read_text("utf-8"))}
    assert workers == {worker}


def test_the_search_index_holds_prose_and_no_form(site):
    index = (site / "search" / "search_index.json").read_text("utf-8")
    assert "calc-field" not in index
    assert "Start from" not in index
