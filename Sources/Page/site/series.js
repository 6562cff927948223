// A series as people read it: the metric's name, then its labels.

import {h} from "./dom.js";

/** `name{label="value"}` in colours. */
export function seriesName(labels) {
  const {__name__: name, ...others} = labels;
  const entries = Object.entries(others);
  return h("span", {class: "series"}, name && h("b", {}, name),
    entries.map(([key, value]) => [" ", h("span", {class: "label"}, h("i", {}, key), "=", h("q", {}, value))]),
    !name && !entries.length && h("i", {}, "no labels"));
}

/** The value of a sample as it was delivered. */
export const value = text => h("span", {class: "number", title: text}, text);
