/* options.h from C: what a plugin in C writes. Each function gives the line of the first thing that does not hold, or 0. */
#include <sporehost/options.h>

#define CHECK(holds) \
  if (!(holds)) return __LINE__

int options_in_c_numbers(void) {
  const spore_string options = SPORE_STRING("{\"size\":2097152,\"share\":0.25,\"on\":true,\"list\":[1,[2,3]],\"none\":null}");
  int64_t whole = 0;
  double real = 0;
  int on = 0;
  CHECK(spore_option_integer(options, "/size", &whole) == SPORE_OK && whole == 2097152);
  CHECK(spore_option_number(options, "/size", &real) == SPORE_OK && real == 2097152);
  CHECK(spore_option_number(options, "/share", &real) == SPORE_OK && real == 0.25);
  CHECK(spore_option_boolean(options, "/on", &on) == SPORE_OK && on == 1);
  CHECK(spore_option_integer(options, "/list/1/0", &whole) == SPORE_OK && whole == 2);
  CHECK(spore_option_integer(options, "/none", &whole) == SPORE_E_NOT_FOUND);
  CHECK(spore_option_integer(options, "/share", &whole) == SPORE_E_INVALID);
  CHECK(whole == 2);
  return 0;
}

int options_in_c_strings(void) {
  const spore_string options = SPORE_STRING("{\"name\":\"a\\tb\"}");
  char buffer[3] = {'x', 'x', 'x'};
  spore_text text = {buffer, sizeof buffer, 0};
  spore_string json;
  CHECK(spore_option_string(options, "/name", &text) == SPORE_OK);
  CHECK(text.length == 3 && memcmp(buffer, "a\tb", 3) == 0);
  text.capacity = 2;
  CHECK(spore_option_string(options, "/name", &text) == SPORE_E_RANGE);
  CHECK(spore_option_text(options, "", &json) == SPORE_OK && json.length == options.length);
  return 0;
}
