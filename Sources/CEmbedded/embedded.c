#include "embedded.h"

#pragma clang diagnostic ignored "-Wc23-extensions"  // SwiftPM has no name for C23 yet

// Paths are relative to this file. A file of the page that is missing here is not served.

static const uint8_t openapi_yaml[] = {
#embed "../../openapi.yaml"
};
static const uint8_t index_html[] = {
#embed "../Page/site/index.html"
};
static const uint8_t api_js[] = {
#embed "../Page/site/api.js"
};
static const uint8_t app_js[] = {
#embed "../Page/site/app.js"
};
static const uint8_t chart_js[] = {
#embed "../Page/site/chart.js"
};
static const uint8_t complete_js[] = {
#embed "../Page/site/complete.js"
};
static const uint8_t delivery_js[] = {
#embed "../Page/site/delivery.js"
};
static const uint8_t dom_js[] = {
#embed "../Page/site/dom.js"
};
static const uint8_t format_js[] = {
#embed "../Page/site/format.js"
};
static const uint8_t icon_svg[] = {
#embed "../Page/site/icon.svg"
};
static const uint8_t kafka_js[] = {
#embed "../Page/site/kafka.js"
};
static const uint8_t live_js[] = {
#embed "../Page/site/live.js"
};
static const uint8_t promql_js[] = {
#embed "../Page/site/promql.js"
};
static const uint8_t query_js[] = {
#embed "../Page/site/query.js"
};
static const uint8_t refresh_js[] = {
#embed "../Page/site/refresh.js"
};
static const uint8_t samples_js[] = {
#embed "../Page/site/samples.js"
};
static const uint8_t scale_js[] = {
#embed "../Page/site/scale.js"
};
static const uint8_t series_js[] = {
#embed "../Page/site/series.js"
};
static const uint8_t status_js[] = {
#embed "../Page/site/status.js"
};
static const uint8_t style_css[] = {
#embed "../Page/site/style.css"
};
static const uint8_t widgets_css[] = {
#embed "../Page/site/widgets.css"
};

#define FILE_OF(name, bytes) {name, bytes, sizeof bytes}

const promring_file promring_description = FILE_OF("openapi.yaml", openapi_yaml);

static const promring_file page[] = {
  FILE_OF("index.html", index_html),
  FILE_OF("api.js", api_js),
  FILE_OF("app.js", app_js),
  FILE_OF("chart.js", chart_js),
  FILE_OF("complete.js", complete_js),
  FILE_OF("delivery.js", delivery_js),
  FILE_OF("dom.js", dom_js),
  FILE_OF("format.js", format_js),
  FILE_OF("icon.svg", icon_svg),
  FILE_OF("kafka.js", kafka_js),
  FILE_OF("live.js", live_js),
  FILE_OF("promql.js", promql_js),
  FILE_OF("query.js", query_js),
  FILE_OF("refresh.js", refresh_js),
  FILE_OF("samples.js", samples_js),
  FILE_OF("scale.js", scale_js),
  FILE_OF("series.js", series_js),
  FILE_OF("status.js", status_js),
  FILE_OF("style.css", style_css),
  FILE_OF("widgets.css", widgets_css),
};
const promring_file *const promring_page = page;
const size_t promring_page_count = sizeof page / sizeof page[0];
