#!/usr/bin/env python3
"""Reports in headless Chromium: two windows, light and dark. Screenshots are left in BUILD/report to be looked at."""

import json
import os
import subprocess
import sys
import unittest
from pathlib import Path

sys.dont_write_bytecode = True
TOP = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(TOP / "tests" / "harness"))
import browser  # noqa: E402

BUILD = Path(os.environ.get("BUILD", "build"))
PROGRAM = TOP / BUILD / "shardprop" if not BUILD.is_absolute() else BUILD / "shardprop"
FOLDER = PROGRAM.parent / "report"
WINDOWS = [(1280, 900), (390, 844)]
THEMES = ["light", "dark"]

# What people would see of each: the smallest text of its charts, as drawn, and the least contrast of text, lines and
# fields with what is behind them (WCAG 2: 4.5 of text; 3 of graphics).
LOOK = """(() => {
  const number = text => text.match(/[\\d.]+/g).map(Number);
  const over = (top, under) => top.slice(0, 3).map((c, i) => c * (top[3] ?? 1) + under[i] * (1 - (top[3] ?? 1)));
  const behind = element => {
    if (!element) return [255, 255, 255];
    const colour = number(getComputedStyle(element).backgroundColor);
    return colour[3] === 0 ? behind(element.parentElement) : over(colour, behind(element.parentElement));
  };
  const light = colour => {
    const [r, g, b] = colour.map(c => c / 255).map(c => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const contrast = (a, b) => {
    const [low, high] = [light(a), light(b)].sort((x, y) => x - y);
    return (high + 0.05) / (low + 0.05);
  };
  const shown = [...document.querySelectorAll('body *')].filter(e => e.getClientRects().length);
  const texts = shown.filter(e => !e.closest('.zero') && [...e.childNodes].some(n => n.nodeType === 3 && n.data.trim()));
  const inks = texts.map(e => contrast(over(number(e.closest('svg') ? getComputedStyle(e).fill
                                                                    : getComputedStyle(e).color), behind(e)), behind(e)));
  const lines = shown.filter(e => /^(path|polygon|use)$/.test(e.tagName) && !e.matches('.gridline'))
    .map(e => [e, e.tagName === 'polygon' ? getComputedStyle(e).fill : e.tagName === 'use' ? getComputedStyle(e).color
                                          : getComputedStyle(e).stroke])
    .filter(([e, colour]) => colour !== 'none').map(([e, colour]) => contrast(over(number(colour), behind(e)), behind(e)));
  return {
    text: Math.min(99, ...inks), faintest: texts[inks.indexOf(Math.min(...inks))]?.outerHTML.slice(0, 200), lines: Math.min(99, ...lines),
    size: Math.min(99, ...shown.filter(e => e.tagName === 'text').map(e => e.getBoundingClientRect().height)),
    charts: document.querySelectorAll('svg.chart').length,
    pictures: [...document.images].filter(i => i.naturalWidth > 0).length, all_pictures: document.images.length,
    over: document.documentElement.scrollWidth - document.documentElement.clientWidth,
    cut: [...document.querySelectorAll('section *')].filter(e => !e.closest('.wide, svg') &&
      e.getBoundingClientRect().right > e.closest('section').getBoundingClientRect().right + 1).length,
  };
})()"""


def shardprop(*arguments, status=(0,)):
    done = subprocess.run([str(PROGRAM), *map(str, arguments)], cwd=TOP, capture_output=True, text=True)
    if done.returncode not in status:
        raise RuntimeError(f"shardprop {' '.join(map(str, arguments))}: {done.stderr}")


def train(name, config, *sets, status=(0,)):
    options = [option for one in (f"output.dir={FOLDER / name}", *sets) for option in ("-s", one)]
    shardprop("train", "-q", f"configs/{config}.ini", *options, status=status)


def report(page, *runs):
    shardprop("report", *(FOLDER / run for run in runs), "-o", FOLDER / f"{page}.html")


def faults(tab, page, width, height, theme):
    """What is wrong with a page in such a window, in words."""
    address = f"file://{FOLDER / page}.html"
    found = []
    for method, params in tab.show(address, width, height, theme):
        if method in ("Runtime.consoleAPICalled", "Runtime.exceptionThrown", "Log.entryAdded"):
            found.append(f"the console says: {params}")
        url = params["request"]["url"] if method == "Network.requestWillBeSent" else address
        if url != address and not url.startswith("data:"):
            found.append(f"it asks for {url}")
    look = tab.evaluate(LOOK)
    limits = [("text", 4.5, "contrast of a text is"), ("lines", 3, "contrast of a line is"),
              ("size", 9, "height of a chart's text is")]
    found += [f"{words} {look[name]:.1f}" for name, least, words in limits if look[name] < least]
    if look["text"] < 4.5:
        found.append(f"faintest: {look['faintest']}")
    if look["over"] > 0:
        found.append(f"it is {look['over']} pixels wider than the window")
    if look["cut"] > 0:
        found.append(f"{look['cut']} elements reach beyond their section")
    if look["pictures"] < look["all_pictures"]:
        found.append(f"{look['all_pictures'] - look['pictures']} pictures cannot be shown")
    return found


class Pages(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        FOLDER.mkdir(parents=True, exist_ok=True)
        cls.tab = browser.Browser(browser.find())

    @classmethod
    def tearDownClass(cls):
        cls.tab.__exit__()

    def expect_good(self, page, charts):
        for width, height in WINDOWS:
            for theme in THEMES:
                with self.subTest(width=width, theme=theme):
                    self.assertEqual(faults(self.tab, page, width, height, theme), [])
                    self.assertGreaterEqual(self.tab.evaluate("document.querySelectorAll('svg.chart').length"), charts)
                    self.tab.screenshot(FOLDER / f"{page}-{width}-{theme}.png")
        self.tab.print(FOLDER / f"{page}.pdf")

    def test_classes(self):
        train("digits", "digits", "data.validation=0.2", "network.hidden=32, 32, 32", "network.activation=tanh")
        report("digits", "digits")
        self.expect_good("digits", 7)

    def test_values(self):
        train("concrete", "concrete")
        report("concrete", "concrete")
        self.expect_good("concrete", 6)

    def test_labels(self):
        train("labels", "digit-properties", "train.epochs=20")
        report("labels", "labels")
        self.expect_good("labels", 5)

    def test_several(self):
        train("one", "digits", "train.epochs=20")
        train("a-run-with-quite-a-long-name-of-the-kind-that-batches-have_learning_rate_0.01", "digits",
              "optimizer.learning_rate=0.01", "train.epochs=20")
        train("diverged", "digits", "optimizer.learning_rate=100000", status=(1,))
        report("several", "one", "a-run-with-quite-a-long-name-of-the-kind-that-batches-have_learning_rate_0.01", "diverged")
        self.expect_good("several", 12)

    def test_scaling(self):
        points = [{"batch_size": 64, "shards": 4, "threads": threads, "speedup": speedup, "efficiency": speedup / threads,
                   "samples_per_second": {"median": 1e5 * speedup, "lower_quartile": 0.98e5 * speedup,
                                          "upper_quartile": 1.03e5 * speedup},
                   "phases": {"forward": 0.5, "backward": 0.3, "barrier": 0.02 * threads}}
                  for threads, speedup in ((1, 1), (2, 1.9), (4, 3.5), (8, 5.8))]
        (FOLDER / "scale").mkdir(exist_ok=True)
        (FOLDER / "scale" / "scale.json").write_text(json.dumps(
            {"config": "mnist", "scaling": "strong", "curves": [{"amdahl_serial": 0.05, "amdahl_ceiling": 20,
                                                                 "points": points}]}), "utf-8")
        report("scaling", "scale")
        self.expect_good("scaling", 3)

    @unittest.skipUnless((TOP / "data/mnist/train-images-idx3-ubyte.gz").exists(), "no MNIST")
    def test_images(self):
        train("mnist", "mnist", "train.epochs=2", "network.hidden=64")
        report("mnist", "mnist")
        self.expect_good("mnist", 6)
        self.assertGreater(self.tab.evaluate("document.images.length"), 60)

    def test_what_is_wrong_is_found(self):
        bad = {
            "wide": "<p style='width:3000px'>wide</p>",
            "asks for": "<img src='http://127.0.0.1:9/x.png'>",
            "console": "<script>console.log('x')</script>",
            "contrast of a text": "<p style='color:#888;background:#999'>faint</p>",
            "contrast of a line": "<svg class='chart'><path stroke='#eee' d='M0,0 L9,9'/></svg>",
            "height of a chart's text": "<svg class='chart'><text y='20' font-size='5'>small</text></svg>",
            "beyond their section": "<section style='width:90px;overflow:hidden'><p style='width:200px'>cut</p></section>",
            "pictures cannot": "<img src='data:image/png;base64,AAAA'>",
        }
        for says, markup in bad.items():
            with self.subTest(says=says):
                (FOLDER / "bad.html").write_text(f"<!DOCTYPE html><link rel=icon href=data:,><body>{markup}", "utf-8")
                self.assertTrue(any(says in fault for fault in faults(self.tab, "bad", 390, 844, "light")))
        (FOLDER / "bad.html").write_text("<!DOCTYPE html><link rel=icon href=data:,><body><p>good", "utf-8")
        self.assertEqual(faults(self.tab, "bad", 390, 844, "light"), [])


if __name__ == "__main__":
    if not browser.find():
        sys.exit("test_report_page: there is no Chromium; tools/install-deps report installs it")
    unittest.main()
