// What the page asks the program. Addresses are relative to the page's own, so that it works below any path.

export class APIError extends Error {
  constructor(message, type, status) {
    super(message);
    this.type = type;
    this.status = status;
  }
}

/** The address of a path with parameters; a list gives a parameter several times. */
export function address(path, parameters = {}) {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(parameters)) {
    for (const each of [value].flat()) {
      if (each !== undefined && each !== null && each !== "") query.append(name, each);
    }
  }
  const text = query.toString();
  return text ? `${path}?${text}` : path;
}

/** The `data` of an answer below /api/v1. */
export async function get(path, parameters, options) {
  return (await ask(address(`api/v1/${path}`, parameters), options)).data;
}

/** The whole answer: `data`, `warnings`, `infos`. A form goes in the body, where it may be long. */
export async function post(path, parameters, options) {
  const body = new URLSearchParams(address("", parameters).slice(1));
  return ask(`api/v1/${path}`, {...options, method: "POST", body});
}

export async function postJSON(path, value, options) {
  const headers = {"Content-Type": "application/json"};
  return (await ask(`api/v1/${path}`, {...options, method: "POST", headers, body: JSON.stringify(value)})).data;
}

async function ask(url, options) {
  let response;
  try {
    response = await fetch(url, {cache: "no-store", ...options});
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new APIError("promring does not answer: it may have been stopped, or the network is down.", "network", 0);
  }
  const text = await response.text();
  let answer;
  try {
    answer = JSON.parse(text);
  } catch {
    if (response.status === 503) {
      throw new APIError("Not ready yet: the window is being read from Kafka. See the tab Kafka.", "unavailable", 503);
    }
    throw new APIError(text.trim().slice(0, 500) || response.statusText, "", response.status);
  }
  if (answer.status !== "success") {
    throw new APIError(answer.error ?? response.statusText, answer.errorType, response.status);
  }
  return answer;
}

const known = new Map();

/** A list for completion, remembered for half a minute. */
export function remembered(path, parameters) {
  const key = address(path, parameters);
  const entry = known.get(key);
  if (entry && Date.now() - entry.at < 30_000) return entry.list;
  const list = get(path, parameters).catch(() => {
    known.delete(key);
    return [];
  });
  known.set(key, {at: Date.now(), list});
  if (known.size > 200) known.delete(known.keys().next().value);
  return list;
}
