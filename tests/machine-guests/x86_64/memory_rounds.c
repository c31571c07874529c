/* Blocks that come and go in an order that no driver would choose, against a model of them: which are plugged, and what was
 * written into each. */
#include "memory_guest.h"

enum { SAMPLES = 4, MOST_AT_ONCE = 8 };

static uint64_t random_state;
static uint8_t is_plugged[USABLE_BLOCKS];
static uint64_t written[USABLE_BLOCKS]; /* the word that a plugged block was given */

static uint64_t random_below(uint64_t limit) { /* xorshift64 */
  random_state ^= random_state << 13;
  random_state ^= random_state >> 7;
  random_state ^= random_state << 17;
  return random_state % limit;
}

/* A few words of a block, the first and the last among them. */
static uint64_t sample_of(uint64_t index, uint64_t n) {
  return gpa_of(index) + (block - 8) / (SAMPLES - 1) / 8 * 8 * n;
}

static void fill(uint64_t index) {
  written[index] = random_state | 1;
  for (uint64_t n = 0; n < SAMPLES; ++n) write64(sample_of(index, n), written[index] + n);
}

static uint64_t words_differ(uint64_t index, uint64_t word, uint64_t step) {
  uint64_t found = 0;
  for (uint64_t n = 0; n < SAMPLES; ++n) found += read64(sample_of(index, n)) != word + n * step;
  return found;
}

static uint64_t count_plugged(uint64_t first, uint64_t count) {
  uint64_t plugged = 0;
  for (uint64_t i = first; i < first + count; ++i) plugged += is_plugged[i];
  return plugged;
}

static uint64_t wrong_answers, not_zero, changed;

static void plug(uint64_t first, uint64_t count) {
  wrong_answers += ask_blocks(PLUG, first, (uint16_t)count) != ACK;
  for (uint64_t i = first; i < first + count; ++i) {
    is_plugged[i] = 1;
    not_zero += words_differ(i, 0, 0);
    fill(i);
  }
}

static void unplug(uint64_t first, uint64_t count) {
  for (uint64_t i = first; i < first + count; ++i) changed += words_differ(i, written[i], 1);
  wrong_answers += ask_blocks(UNPLUG, first, (uint16_t)count) != ACK;
  for (uint64_t i = first; i < first + count; ++i) is_plugged[i] = 0;
}

static void one_round(void) {
  const uint64_t count = 1 + random_below(MOST_AT_ONCE);
  const uint64_t first = random_below(USABLE_BLOCKS - count + 1);
  const uint64_t plugged = count_plugged(first, count);
  if (plugged == 0 && count_plugged(0, USABLE_BLOCKS) + count <= REQUESTED_BLOCKS) {
    plug(first, count);
  } else if (plugged == count) {
    unplug(first, count);
  } else if (plugged != 0) {
    wrong_answers += ask_blocks(random_below(2) == 0 ? PLUG : UNPLUG, first, (uint16_t)count) != ERROR;
  }
}

void part_rounds(uint64_t rounds, uint64_t seed) {
  random_state = seed * UINT64_C(0x9e3779b97f4a7c15) + 1;
  for (uint64_t i = 0; i < rounds; ++i) one_round();
  check("every answer as the model has it", wrong_answers, 0);
  check("VMEM-36 what was plugged was zero", not_zero, 0);
  check("VMEM-34 what was written stayed", changed, 0);
  check("the device counts as the model does", plugged_blocks(), count_plugged(0, USABLE_BLOCKS));
}
