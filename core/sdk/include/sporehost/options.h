/* Reads the options that `create` gets: canonical JSON, checked against the factory's schema and complete.
 *
 *   int64_t block = 0;
 *   if (spore_option_integer(options, "/block-size", &block) != SPORE_OK) ...
 *
 * The pointer is a JSON pointer (RFC 6901): "/outer/inner", "/list/0"; a key with a quotation mark or a backslash in it
 * cannot be reached. Nothing is allocated, and nothing is kept: the strings that come out lie in the caller's buffers. All functions are [any] and give
 *   SPORE_E_NOT_FOUND  no value is there, or null is;
 *   SPORE_E_INVALID    it is of another type, or the text is no JSON;
 *   SPORE_E_RANGE      an integer that int64_t does not hold, a string that is longer than its buffer.
 * A size is an integer of bytes, a duration one of milliseconds.
 */
#ifndef SPOREHOST_OPTIONS_H
#define SPOREHOST_OPTIONS_H

#include <sporehost/abi.h>

#include <errno.h>
#include <stdlib.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- the walk; not for use outside ---- */

typedef struct spore_json {
  const char* at;
  const char* end;
} spore_json;

static inline void spore_json_blank(spore_json* j) {
  while (j->at < j->end && (*j->at == ' ' || *j->at == '\n' || *j->at == '\t' || *j->at == '\r')) ++j->at;
}

static inline int spore_json_take(spore_json* j, char c) {
  spore_json_blank(j);
  if (j->at == j->end || *j->at != c) return 0;
  ++j->at;
  return 1;
}

/* Passes over a string and gives what is between its quotation marks, escapes as they are. */
static inline int spore_json_string(spore_json* j, spore_string* inside) {
  if (!spore_json_take(j, '"')) return 0;
  inside->data = j->at;
  for (; j->at < j->end; ++j->at) {
    if (*j->at == '\\') {
      if (++j->at == j->end) return 0;
    } else if (*j->at == '"') {
      inside->length = (uint64_t)(j->at++ - inside->data);
      return 1;
    }
  }
  return 0;
}

/* Passes over a value of any kind and gives its text. */
static inline int spore_json_value(spore_json* j, spore_string* value) {
  uint64_t depth = 0;
  spore_string ignored;
  spore_json_blank(j);
  value->data = j->at;
  do {
    spore_json_blank(j);
    if (j->at == j->end) return 0;
    if (*j->at == '"') {
      if (!spore_json_string(j, &ignored)) return 0;
    } else if (*j->at == '{' || *j->at == '[') {
      ++depth;
      ++j->at;
    } else if (*j->at == '}' || *j->at == ']') {
      if (depth == 0) return 0;
      --depth;
      ++j->at;
    } else if (*j->at == ',' || *j->at == ':') {
      if (depth == 0) return 0;
      ++j->at;
    } else {
      do ++j->at;
      while (j->at < j->end && !strchr(" \n\t\r,:]}[{\"", *j->at));
    }
  } while (depth > 0);
  value->length = (uint64_t)(j->at - value->data);
  return value->length > 0;
}

/* Whether `key` is the pointer's token from `at` on, up to the next '/'; ~0 and ~1 stand for '~' and '/'. */
static inline int spore_json_key_is(spore_string key, const char* token, size_t length) {
  uint64_t k = 0;
  size_t i;
  for (i = 0; i < length; ++i, ++k) {
    char c = token[i];
    if (c == '~' && i + 1 < length) c = token[++i] == '1' ? '/' : '~';
    if (k >= key.length || key.data[k] != c) return 0;
  }
  return k == key.length;
}

/* Steps from an object or a list into the member that the token names. */
static inline spore_status spore_json_step(spore_string* value, const char* token, size_t length) {
  spore_json j = {value->data, value->data + value->length};
  const int object = spore_json_take(&j, '{');
  uint64_t index = 0;
  if (!object && !spore_json_take(&j, '[')) return SPORE_E_NOT_FOUND;
  if (spore_json_take(&j, object ? '}' : ']')) return SPORE_E_NOT_FOUND;
  do {
    spore_string key = {token, 0};
    char number[24];
    if (object) {
      if (!spore_json_string(&j, &key) || !spore_json_take(&j, ':')) return SPORE_E_INVALID;
    } else {
      uint64_t rest = index++, n = sizeof number;
      do number[--n] = (char)('0' + rest % 10);
      while ((rest /= 10) != 0);
      key.data = number + n;
      key.length = sizeof number - n;
    }
    if (!spore_json_value(&j, value)) return SPORE_E_INVALID;
    if (spore_json_key_is(key, token, length)) return SPORE_OK;
  } while (spore_json_take(&j, ','));
  return spore_json_take(&j, object ? '}' : ']') ? SPORE_E_NOT_FOUND : SPORE_E_INVALID;
}

/* ---- for use ---- */

/* The JSON text of the value at `pointer`, borrowed from `options`. "" is the whole. */
static inline spore_status spore_option_text(spore_string options, const char* pointer, spore_string* out) {
  spore_json whole = {options.data, options.data + options.length};
  if (!spore_json_value(&whole, out)) return SPORE_E_INVALID;
  spore_json_blank(&whole);
  if (whole.at != whole.end) return SPORE_E_INVALID;
  while (*pointer != '\0') {
    size_t length;
    spore_status status;
    if (*pointer++ != '/') return SPORE_E_INVALID;
    length = strcspn(pointer, "/");
    status = spore_json_step(out, pointer, length);
    if (status != SPORE_OK) return status;
    pointer += length;
  }
  return spore_is(*out, "null") ? SPORE_E_NOT_FOUND : SPORE_OK;
}

static inline spore_status spore_option_boolean(spore_string options, const char* pointer, int* out) {
  spore_string text;
  const spore_status status = spore_option_text(options, pointer, &text);
  if (status != SPORE_OK) return status;
  if (!spore_is(text, "true") && !spore_is(text, "false")) return SPORE_E_INVALID;
  *out = spore_is(text, "true");
  return SPORE_OK;
}

/* Copies the text of a number, NUL-terminated, for the C library's readers, which take more than JSON has. */
static inline spore_status spore_option_digits(spore_string options, const char* pointer, char* to, size_t capacity) {
  spore_string text;
  const spore_status status = spore_option_text(options, pointer, &text);
  if (status != SPORE_OK) return status;
  if (text.length >= capacity || text.data[0] == '+') return SPORE_E_INVALID;
  memcpy(to, text.data, text.length);
  to[text.length] = '\0';
  return strspn(to, "+-.0123456789eE") == text.length ? SPORE_OK : SPORE_E_INVALID;
}

static inline spore_status spore_option_integer(spore_string options, const char* pointer, int64_t* out) {
  char digits[64];
  char* end = digits;
  long long value;
  const spore_status status = spore_option_digits(options, pointer, digits, sizeof digits);
  if (status != SPORE_OK) return status;
  errno = 0;
  value = strtoll(digits, &end, 10);
  if (*end != '\0') return SPORE_E_INVALID;
  if (errno == ERANGE) return SPORE_E_RANGE;
  *out = value;
  return SPORE_OK;
}

/* A number with or without a fraction. The decimal point is the C locale's. */
static inline spore_status spore_option_number(spore_string options, const char* pointer, double* out) {
  char digits[64];
  char* end = digits;
  double value;
  const spore_status status = spore_option_digits(options, pointer, digits, sizeof digits);
  if (status != SPORE_OK) return status;
  value = strtod(digits, &end);
  if (*end != '\0') return SPORE_E_INVALID;
  *out = value;
  return SPORE_OK;
}

static inline int spore_json_hex(const char* from, const char* end, uint32_t* out) {
  int i;
  *out = 0;
  if (end - from < 4) return 0;
  for (i = 0; i < 4; ++i) {
    const char* digit = strchr("0123456789abcdef0123456789ABCDEF", from[i]);
    if (digit == NULL || from[i] == '\0') return 0;
    *out = *out << 4 | (uint32_t)((digit - "0123456789abcdef0123456789ABCDEF") % 16);
  }
  return 1;
}

/* Writes one code point as UTF-8; gives the number of bytes. */
static inline size_t spore_json_utf8(uint32_t code, char* to) {
  if (code < 0x80) return to[0] = (char)code, 1;
  if (code < 0x800) return to[0] = (char)(0xC0 | code >> 6), to[1] = (char)(0x80 | (code & 0x3F)), 2;
  if (code < 0x10000)
    return to[0] = (char)(0xE0 | code >> 12), to[1] = (char)(0x80 | (code >> 6 & 0x3F)),
           to[2] = (char)(0x80 | (code & 0x3F)), 3;
  return to[0] = (char)(0xF0 | code >> 18), to[1] = (char)(0x80 | (code >> 12 & 0x3F)),
         to[2] = (char)(0x80 | (code >> 6 & 0x3F)), to[3] = (char)(0x80 | (code & 0x3F)), 4;
}

/* Reads the escape behind a backslash at *from; gives its bytes in UTF-8 and their number, 0 when it is none. */
static inline size_t spore_json_escape(const char** from, const char* end, char* to) {
  static const char kNames[] = "\"\\/bfnrt", kBytes[] = "\"\\/\b\f\n\r\t";
  const char c = *(*from)++;
  const char* name = strchr(kNames, c);
  uint32_t code, low;
  if (c != '\0' && name != NULL) return to[0] = kBytes[name - kNames], 1;
  if (c != 'u' || !spore_json_hex(*from, end, &code)) return 0;
  *from += 4;
  if (code >= 0xD800 && code < 0xDC00) { /* the first half of a pair */
    if (end - *from < 6 || (*from)[0] != '\\' || (*from)[1] != 'u' || !spore_json_hex(*from + 2, end, &low)) return 0;
    if (low < 0xDC00 || low > 0xDFFF) return 0;
    code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
    *from += 6;
  } else if (code >= 0xDC00 && code <= 0xDFFF) { /* the second half alone */
    return 0;
  }
  return spore_json_utf8(code, to);
}

/* A string, its escapes resolved, into the caller's buffer; out->length is its length. */
static inline spore_status spore_option_string(spore_string options, const char* pointer, spore_text* out) {
  spore_string text;
  const char *at, *end;
  const spore_status status = spore_option_text(options, pointer, &text);
  if (status != SPORE_OK) return status;
  if (text.length < 2 || text.data[0] != '"') return SPORE_E_INVALID;
  at = text.data + 1;
  end = text.data + text.length - 1;
  out->length = 0;
  while (at < end) {
    char bytes[4];
    size_t count = 1;
    bytes[0] = *at++;
    if (bytes[0] == '\\') count = at < end ? spore_json_escape(&at, end, bytes) : 0;
    if (count == 0) return SPORE_E_INVALID;
    if (count > out->capacity - out->length) return SPORE_E_RANGE;
    memcpy(out->data + out->length, bytes, count);
    out->length += count;
  }
  return SPORE_OK;
}

#ifdef __cplusplus
} /* extern "C" */
#endif

#endif /* SPOREHOST_OPTIONS_H */
