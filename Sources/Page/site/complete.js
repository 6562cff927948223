// A text field that offers what can be written next.

import {append, fill, h} from "./dom.js";

let serial = 0;

/**
 * Makes a combobox of an input or textarea.
 *
 * `offer(text, caret)` answers `{from, to, items: [{text, kind, insert}]}`. Up and down choose, Enter or Tab take what is
 * chosen, Escape closes the list. `onEnter` is called for an Enter that takes nothing.
 */
export function completing(input, offer, onEnter) {
  const id = `offers-${++serial}`;
  const list = h("ul", {class: "offers", id, role: "listbox", "aria-label": "Completions", hidden: true});
  const box = h("div", {class: "completing"}, input, list);
  let offers = {items: []};
  let chosen = -1;
  let asked = 0;

  const attributes = {role: "combobox", autocomplete: "off", autocapitalize: "none", spellcheck: "false",
    "aria-autocomplete": "list", "aria-expanded": "false", "aria-controls": id};
  for (const [name, value] of Object.entries(attributes)) input.setAttribute(name, value);

  const close = () => {
    asked++;
    list.hidden = true;
    chosen = -1;
    input.setAttribute("aria-expanded", "false");
    input.removeAttribute("aria-activedescendant");
  };

  const choose = place => {
    list.children[chosen]?.setAttribute("aria-selected", "false");
    chosen = place;
    const item = list.children[chosen];
    if (!item) return input.removeAttribute("aria-activedescendant");
    item.setAttribute("aria-selected", "true");
    item.scrollIntoView({block: "nearest"});
    input.setAttribute("aria-activedescendant", item.id);
  };

  const take = item => {
    input.setRangeText(item.insert, offers.from, offers.to, "end");
    input.focus();
    close();
    input.dispatchEvent(new Event("change"));
    // Behind `job="` comes a value: offer those at once.
    if (/["(]$/.test(item.insert) && item.kind === "label") show();
  };

  const show = async () => {
    const number = ++asked;
    const found = await offer(input.value, input.selectionStart ?? input.value.length);
    if (number !== asked || document.activeElement !== input) return;
    offers = found;
    chosen = -1;
    if (!found.items.length) return close();
    fill(list, found.items.map((item, i) => h("li", {id: `${id}-${i}`, role: "option", "aria-selected": "false",
      // Not "click": the field would lose the focus first.
      onpointerdown: event => { event.preventDefault(); take(item); }},
    marked(item.text, found.typed ?? ""), h("small", {}, item.kind))));
    list.hidden = false;
    list.scrollTop = 0;
    input.setAttribute("aria-expanded", "true");
    input.removeAttribute("aria-activedescendant");
  };

  input.addEventListener("input", show);
  input.addEventListener("blur", close);
  input.addEventListener("keydown", event => {
    const isOpen = !list.hidden;
    const count = list.children.length;
    if (event.key === "Enter" && event.isComposing) return;
    if (event.key === "ArrowDown" && isOpen) choose((chosen + 1) % count);
    else if (event.key === "ArrowUp" && isOpen) choose((chosen <= 0 ? count : chosen) - 1);
    else if (event.key === " " && event.ctrlKey) show();
    else if (event.key === "Escape" && isOpen) close();
    else if ((event.key === "Enter" || event.key === "Tab") && isOpen && chosen >= 0) take(offers.items[chosen]);
    else if (event.key === "Enter" && !event.shiftKey) { close(); onEnter?.(); }
    else return;
    event.preventDefault();
  });
  return box;
}

/** The text with what has been typed in bold. */
function marked(text, typed) {
  const place = typed ? text.toLowerCase().indexOf(typed.toLowerCase()) : -1;
  const span = h("span", {});
  if (place < 0) return append(span, text);
  return append(span, [text.slice(0, place), h("b", {}, text.slice(place, place + typed.length)),
    text.slice(place + typed.length)]);
}
