"""The page's own script: the search, and arrow keys where there are many links. It writes no markup anywhere."""

from __future__ import annotations

from consumer.report.markup import Markup

SCRIPT = Markup("""
"use strict";
(() => {
  const all = (selector, root = document) => Array.from(root.querySelectorAll(selector));
  const fold = (text) => text.normalize("NFD").replace(/\\p{M}/gu, "").toLowerCase();
  const form = document.getElementById("search");
  const chunks = all("article.chunk").map((element) => ({ element, number: element.id.slice(6), text: null }));
  const marks = new Map();
  for (const element of all("[data-chunk]")) {
    const number = element.getAttribute("data-chunk");
    marks.set(number, [...(marks.get(number) || []), element]);
  }

  // Many links are one stop of the Tab key; arrows, Home and End go from one to the next.
  const groups = all("[data-rove]").map((group) => ({ group, links: all("a", group) }));
  const usable = (links) => links.filter((link) => !link.closest("[hidden], .off"));
  const stop = ({ links }, link) => {
    for (const one of links) one.setAttribute("tabindex", one === link ? "0" : "-1");
  };
  const stops = () => {
    for (const one of groups) stop(one, usable(one.links)[0]);
  };
  for (const one of groups) {
    one.group.addEventListener("keydown", (event) => {
      const links = usable(one.links);
      const here = links.indexOf(event.target.closest("a"));
      const next = {
        ArrowRight: here + 1, ArrowDown: here + 1, ArrowLeft: here - 1, ArrowUp: here - 1,
        Home: 0, End: links.length - 1,
      }[event.key];
      if (next === undefined || here < 0 || event.ctrlKey || event.metaKey || event.altKey) return;
      event.preventDefault();
      const link = links[Math.min(Math.max(next, 0), links.length - 1)];
      stop(one, link);
      link.focus();
    });
  }
  stops();
  if (!form) return;

  const field = document.getElementById("words");
  const found = document.getElementById("found");
  const whole = found.textContent;
  // A chunk's texts and its time, not the figures below them.
  const said = (element) => fold(all("h3, .words, .bad, .some", element).map((one) => one.textContent).join("\\n"));

  const highlight = (words) => {
    if (!window.Highlight || !CSS.highlights) return;
    const ranges = [];
    if (words.length) {
      for (const { element } of chunks) {
        if (element.hidden || ranges.length > 2000) continue;
        for (const part of all(".words", element)) {
          const walker = document.createTreeWalker(part, NodeFilter.SHOW_TEXT);
          for (let node = walker.nextNode(); node; node = walker.nextNode()) {
            const text = fold(node.data);
            // Where folding changes lengths, places in the one are none in the other.
            if (text.length !== node.data.length) continue;
            for (const word of words) {
              for (let at = text.indexOf(word); at >= 0; at = text.indexOf(word, at + word.length)) {
                const range = new Range();
                range.setStart(node, at);
                range.setEnd(node, at + word.length);
                ranges.push(range);
              }
            }
          }
        }
      }
    }
    CSS.highlights.set("found", new Highlight(...ranges));
  };

  const search = () => {
    const words = fold(field.value).split(/\\s+/).filter(Boolean);
    let hits = 0;
    for (const chunk of chunks) {
      chunk.text = chunk.text || said(chunk.element);
      const hit = words.every((word) => chunk.text.includes(word));
      hits += hit;
      chunk.element.hidden = !hit;
      for (const mark of marks.get(chunk.number) || []) {
        mark.classList.toggle("off", !hit);
        if (mark.localName === "li") mark.hidden = !hit;
      }
    }
    found.textContent = words.length ? `${hits.toLocaleString("en")} of ${whole}` : whole;
    stops();
    highlight(words);
  };

  form.hidden = false;
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const first = chunks.find(({ element }) => !element.hidden);
    if (first) first.element.scrollIntoView();
  });
  field.addEventListener("input", search);
  // A link to a chunk that the search hides ends the search.
  document.addEventListener("click", (event) => {
    const link = event.target.closest("a[href^='#chunk-']");
    const target = link && document.getElementById(link.getAttribute("href").slice(1));
    if (!target || !target.hidden) return;
    field.value = "";
    search();
  });
  // Browsers keep what was typed over a reload.
  if (field.value) search();
})();
""")
