// From numbers to places on a drawing, and the round numbers to write beside it.

/** About `wanted` round numbers from `low` to `high`. */
export function ticks(low, high, wanted) {
  const raw = (high - low) / Math.max(1, wanted);
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 2.5, 5, 10].map(factor => factor * power).find(each => each >= raw * 0.999) ?? raw;
  const list = [];
  for (let i = Math.ceil(low / step - 1e-9); i * step <= high + step * 1e-9; i++) list.push(i * step);
  return list;
}

const TIME_STEPS = [0.001, 0.01, 0.1, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600,
  43200,
  86400, 172800, 604800];

/** About `wanted` round local times, in Unix seconds. */
export function timeTicks(start, end, wanted) {
  const step = TIME_STEPS.find(each => (end - start) / each <= wanted) ?? (end - start) / wanted;
  const shift = new Date(start * 1000).getTimezoneOffset() * 60;
  const list = [];
  for (let i = Math.ceil((start - shift) / step); i * step + shift <= end; i++) list.push(i * step + shift);
  return {list, step};
}

/** The lowest and highest finite value, with some room; 0 is within unless it is far away. */
export function bounds(series) {
  let [low, high] = [Infinity, -Infinity];
  for (const {points} of series) {
    for (const [, value] of points) {
      if (!Number.isFinite(value)) continue;
      if (value < low) low = value;
      if (value > high) high = value;
    }
  }
  if (low > high) return [0, 1];
  if (low > 0 && low < high * 0.4) low = 0;
  if (high < 0 && high > low * 0.4) high = 0;
  if (low === high) {
    const room = Math.abs(low) * 0.1 || 1;
    return [low - room, high + room];
  }
  const room = (high - low) * 0.05;
  return [low === 0 ? 0 : low - room, high === 0 ? 0 : high + room];
}

/** The path of points, broken where more than `gap` seconds have none; a lonely point becomes a dot. */
export function path(points, x, y, gap) {
  let text = "";
  let last = null;
  let isAlone = false;
  for (const [at, value] of points) {
    if (!Number.isFinite(value)) {
      last = null;
      continue;
    }
    const place = `${x(at).toFixed(1)} ${y(value).toFixed(1)}`;
    if (last === null || at - last > gap) {
      if (isAlone) text += "h0.01";
      text += `M${place}`;
      isAlone = true;
    } else {
      text += `L${place}`;
      isAlone = false;
    }
    last = at;
  }
  return isAlone ? `${text}h0.01` : text;
}

/** The point nearest to a time, `undefined` if there is none within `reach` seconds. */
export function nearest(points, at, reach) {
  let [low, high] = [0, points.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (points[middle][0] < at) low = middle + 1; else high = middle;
  }
  const candidates = [points[low - 1], points[low]].filter(point => point && Math.abs(point[0] - at) <= reach);
  return candidates.sort((a, b) => Math.abs(a[0] - at) - Math.abs(b[0] - at))[0];
}
