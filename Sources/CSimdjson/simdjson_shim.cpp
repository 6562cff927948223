#include "simdjson_shim.h"

#include <simdjson.h>

struct promring_simdjson {
  simdjson::ondemand::parser parser;
};

promring_simdjson *promring_simdjson_make(void) { return new promring_simdjson; }

void promring_simdjson_free(promring_simdjson *walker) { delete walker; }

size_t promring_simdjson_walk(promring_simdjson *walker, const char *text, size_t length) {
  simdjson::padded_string_view padded(text, length, length + simdjson::SIMDJSON_PADDING);
  simdjson::ondemand::document document;
  if (walker->parser.iterate(padded).get(document)) return 0;
  simdjson::ondemand::array samples;
  if (document.get_array().get(samples)) return 0;
  size_t values = 0, bytes = 0;
  for (auto sample : samples) {
    simdjson::ondemand::object object;
    if (sample.get_object().get(object)) return 0;
    for (auto member : object) {
      std::string_view key, value;
      if (member.unescaped_key().get(key) || member.value().get_string().get(value)) return 0;
      bytes += key.size() + value.size();
      values++;
    }
  }
  return bytes ? values : 0;
}
