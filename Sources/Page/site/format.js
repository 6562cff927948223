// Numbers, times and label sets as texts for people.

const whole = new Intl.NumberFormat("en", {maximumFractionDigits: 0});
const UNITS = [[1e24, "Y"], [1e21, "Z"], [1e18, "E"], [1e15, "P"], [1e12, "T"], [1e9, "G"], [1e6, "M"], [1e3, "k"]];

/** A whole number with separators; a dash for none. */
export const count = number => number === null || number === undefined ? "–" : whole.format(number);

/** A number in a few characters: `1.25 M`, `0.0042`. */
export function short(number) {
  if (!Number.isFinite(number)) return Number.isNaN(number) ? "NaN" : number > 0 ? "+Inf" : "−Inf";
  const size = Math.abs(number);
  const unit = UNITS.find(([factor]) => size >= factor);
  if (unit && size < 1e27) return `${trim((number / unit[0]).toPrecision(4))} ${unit[1]}`;
  return size !== 0 && (size < 1e-4 || size >= 1e27) ? number.toExponential(2) : trim(number.toPrecision(4));
}

const trim = text => text.includes(".") && !text.includes("e") ? text.replace(/\.?0+$/, "") : text;

export function bytes(number) {
  if (number === null || number === undefined) return "–";
  const names = ["B", "KiB", "MiB", "GiB", "TiB"];
  let i = 0;
  while (Math.abs(number) >= 1024 && i < names.length - 1) { number /= 1024; i++; }
  return `${trim(number.toPrecision(number >= 1000 ? 4 : 3))} ${names[i]}`;
}

/** Two digits, or all that stand before the point. */
const rounded = number => Number(number.toPrecision(number < 100 ? 2 : 3));

/** Seconds as `350 ms`, `4.2 s`, `12 min`, `3 h 20 min`. */
export function seconds(number) {
  if (number === null || number === undefined) return "–";
  if (number < 1) return `${rounded(number * 1000)} ms`;
  if (number < 90) return `${rounded(number)} s`;
  if (number < 5400) return `${rounded(number / 60)} min`;
  const [hours, minutes] = [Math.floor(number / 3600), Math.round(number % 3600 / 60)];
  if (hours >= 48) return `${trim((hours / 24).toPrecision(3))} d`;
  return minutes ? `${hours} h ${minutes} min` : `${hours} h`;
}

const two = number => String(number).padStart(2, "0");

/** The time of day of Unix seconds, local. */
export function clock(at, withMilliseconds = false) {
  const date = new Date(at * 1000);
  const text = `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
  return withMilliseconds ? `${text}.${String(date.getMilliseconds()).padStart(3, "0")}` : text;
}

/** Day and time of Unix seconds, local. */
export function moment(at, withMilliseconds = false) {
  const date = new Date(at * 1000);
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())} ${clock(at, withMilliseconds)}`;
}

/** How long ago Unix seconds are. */
export function ago(at, now = Date.now() / 1000) {
  const age = now - at;
  return age < -1 ? `in ${seconds(-age)}` : age < 1 ? "now" : `${seconds(age)} ago`;
}

/** Seconds of a Prometheus duration such as `1h30m` or `90`; NaN for what is none. */
export function duration(text) {
  if (/^\d+(\.\d+)?$/.test(text)) return Number(text);
  const parts = /^(?:(\d+)y)?(?:(\d+)w)?(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?(?:(\d+)ms)?$/.exec(text.trim());
  if (!parts || !text.trim()) return NaN;
  const factors = [31536000, 604800, 86400, 3600, 60, 1, 0.001];
  return factors.reduce((sum, factor, i) => sum + factor * Number(parts[i + 1] ?? 0), 0);
}

/** The reverse, as short as can be. */
export function durationText(number) {
  if (number < 1 || number % 1) return `${Math.max(1, Math.round(number * 1000))}ms`;
  let text = "";
  for (const [factor, unit] of [[86400, "d"], [3600, "h"], [60, "m"], [1, "s"]]) {
    if (number >= factor) text += `${Math.floor(number / factor)}${unit}`;
    number %= factor;
  }
  return text || "0s";
}

const isPlain = name => /^[a-zA-Z_][a-zA-Z0-9_]*$/.test(name);
export const isPlainMetric = name => /^[a-zA-Z_:][a-zA-Z0-9_:]*$/.test(name);

/** A string of PromQL. */
export const quote = text =>
  `"${text.replace(/\\/g, "\\\\").replace(/"/g, "\\\"").replace(/\n/g, "\\n").replace(/\r/g, "\\r").replace(/\t/g, "\\t")}"`;

/** A label set as the selector that names it. */
export function selector(labels) {
  const {__name__: name, ...others} = labels;
  const pairs = Object.entries(others).map(([key, value]) => `${isPlain(key) ? key : quote(key)}=${quote(value)}`);
  if (name === undefined || isPlainMetric(name)) {
    return pairs.length || !name ? `${name ?? ""}{${pairs.join(", ")}}` : name;
  }
  return `{${[quote(name), ...pairs].join(", ")}}`;
}

/** A word quoted for a shell. */
export const shell = text => `'${String(text).replace(/'/g, "'\\''")}'`;
