#include "re2_shim.h"

#include <re2/re2.h>

#include <cstdio>
#include <map>
#include <string>
#include <vector>

struct promring_re2 {
  re2::RE2 re;
  std::map<int, std::string> names;
  promring_re2(const re2::StringPiece &pattern, const re2::RE2::Options &options) : re(pattern, options) {}
};

promring_re2 *promring_re2_compile(const char *pattern, size_t length, int64_t memory_max, char *reason, size_t reason_size) {
  re2::RE2::Options options;
  options.set_dot_nl(true);
  options.set_log_errors(false);
  options.set_max_mem(memory_max);
  auto *compiled = new promring_re2(re2::StringPiece(pattern, length), options);
  if (!compiled->re.ok()) {
    snprintf(reason, reason_size, "%s", compiled->re.error().c_str());
    delete compiled;
    return nullptr;
  }
  compiled->names = compiled->re.CapturingGroupNames();
  return compiled;
}

void promring_re2_free(promring_re2 *re) { delete re; }

bool promring_re2_full_match(const promring_re2 *re, const char *text, size_t length) {
  return re->re.Match(re2::StringPiece(text, length), 0, length, re2::RE2::ANCHOR_BOTH, nullptr, 0);
}

int promring_re2_program_size(const promring_re2 *re) { return re->re.ProgramSize(); }

int promring_re2_group_count(const promring_re2 *re) { return re->re.NumberOfCapturingGroups(); }

const char *promring_re2_group_name(const promring_re2 *re, int index) {
  auto found = re->names.find(index);
  return found == re->names.end() ? nullptr : found->second.c_str();
}

bool promring_re2_groups(const promring_re2 *re, const char *text, size_t length, int32_t *begins, int32_t *ends, int count) {
  std::vector<re2::StringPiece> groups(count);
  re2::StringPiece whole(text, length);
  if (!re->re.Match(whole, 0, length, re2::RE2::ANCHOR_BOTH, groups.data(), count)) return false;
  for (int i = 0; i < count; i++) {
    begins[i] = groups[i].data() ? static_cast<int32_t>(groups[i].data() - text) : -1;
    ends[i] = groups[i].data() ? static_cast<int32_t>(groups[i].data() - text + groups[i].size()) : -1;
  }
  return true;
}
