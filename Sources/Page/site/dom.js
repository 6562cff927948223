// Elements made in code. Texts become text nodes and nothing else: a label value may be anything, markup too.

import {shell} from "./format.js";

const SVG = "http://www.w3.org/2000/svg";

/** An HTML element: `h("a", {href: "#x", class: "link", onclick: f}, "text", child, …)`. */
export const h = (tag, attributes, ...children) => build(document.createElement(tag), attributes, children);

/** The same for SVG. */
export const s = (tag, attributes, ...children) => build(document.createElementNS(SVG, tag), attributes, children);

function build(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes ?? {})) set(element, name, value);
  append(element, children);
  return element;
}

function set(element, name, value) {
  if (value === undefined || value === null || value === false) return;
  if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
  // Through the object model, as the content security policy forbids style attributes.
  else if (name === "style") for (const [key, text] of Object.entries(value)) element.style.setProperty(key, text);
  else if (name === "value" && "value" in element) element.value = value;
  else element.setAttribute(name, value === true ? "" : value);
}

/** Adds nodes and texts, lists of them flattened; what is nothing is left out. */
export function append(element, children) {
  for (const child of [children].flat(Infinity)) {
    if (child === undefined || child === null || child === false || child === "") continue;
    element.append(child instanceof Node ? child : String(child));
  }
  return element;
}

/** Puts these in the place of whatever an element holds. */
export function fill(element, ...children) {
  element.replaceChildren();
  return append(element, children);
}

/** A labelled control of a form. */
export function field(label, control, className = "") {
  return h("label", {class: `field ${className}`}, h("span", {class: "field-label"}, label), control);
}

/** A choice of a few values as a select; `choices` are values or [value, text]. */
export function select(choices, value, attributes) {
  const options = choices.map(choice => {
    const [own, text] = [choice].flat();
    return h("option", {value: own, selected: own === value}, text ?? own);
  });
  return h("select", attributes, options);
}

/** A table in a frame of its own that scrolls sideways where it is too wide. Columns: `[title, class]`. `stacked`
 * rows become blocks on a phone, the cell of class `name` first. */
export function table(caption, columns, rows, className) {
  // The caption is for those who hear the page; the others see the heading above.
  return h("div", {class: "scroll", tabindex: "0", role: "region", "aria-label": caption},
    h("table", {class: className},
      h("caption", {}, caption),
      h("thead", {}, h("tr", {}, columns.map(([title, kind]) => h("th", {scope: "col", class: kind}, title)))),
      h("tbody", {}, rows)));
}

/** A box with a heading. */
export function card(title, ...children) {
  return h("section", {class: "card"}, title && h("h2", {}, title), children);
}

/** Numbers with names, side by side. */
export function facts(...pairs) {
  return h("dl", {class: "facts"}, pairs.filter(Boolean).map(([name, value, note]) =>
    h("div", {}, h("dt", {}, name), h("dd", {}, value, note && h("small", {}, note)))));
}

/** A line that says what went wrong. */
export const problem = text => h("p", {class: "problem", role: "alert"}, text);

/** A word on a coloured ground: `good`, `busy`, `bad`, or nothing. */
export const pill = (text, kind) => h("span", {class: `pill ${kind}`}, text);

/** A bar that is filled to `share` (0…1). */
export function meter(share, label) {
  const percent = Math.max(0, Math.min(1, share || 0)) * 100;
  return h("div", {class: "meter", role: "progressbar", "aria-label": label, "aria-valuenow": Math.round(percent),
    "aria-valuemin": 0, "aria-valuemax": 100}, h("div", {style: {width: `${percent}%`}}));
}

/** A call of curl that can be copied; curl takes brackets as they are when it has -g. */
export const curl = (options, url) => command(`curl -${options}g ${shell(String(url).replaceAll("%5B%5D=", "[]="))}`);

/** A command that can be copied. */
function command(text) {
  const button = h("button", {type: "button", class: "small", onclick: async () => {
    // Only pages from https or from this machine may reach the clipboard; elsewhere the text is selected.
    if (navigator.clipboard) await navigator.clipboard.writeText(text);
    else getSelection().selectAllChildren(code);
    button.textContent = navigator.clipboard ? "Copied" : "Selected";
    setTimeout(() => { button.textContent = "Copy"; }, 1500);
  }}, "Copy");
  const code = h("code", {}, text);
  return h("div", {class: "command"}, code, button);
}
