/* The smallest module: a table with nothing but the version. */
struct table {
  const char* version;
};

const struct table* MODULE_ENTRY(void);

const struct table* MODULE_ENTRY(void) {
  static const struct table table = {MODULE_VERSION};
  return &table;
}
