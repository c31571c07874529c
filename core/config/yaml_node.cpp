#include "core/config/yaml_node.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <map>
#include <optional>
#include <sstream>
#include <unordered_map>

#include "core/base/size.hpp"
#include "core/base/text.hpp"
#include "core/base/unique_fd.hpp"
#include "core/config/surrogate_pairs.hpp"

namespace sporehost {
namespace {

using spore::fail;
using spore::Result;

constexpr size_t kDepth = 32;
constexpr size_t kNodes = 20000;
constexpr size_t kScalarBytes = size_t{64} << 10;

// What a scalar counts towards kNodes: long ones count more, so that aliases of one long text stay bounded too.
size_t weight(const YamlNode& node) {
  return 1 + node.text.size() / 256;
}

Position position(const YAML::Mark& mark) {
  return mark.is_null() ? Position{} : Position{mark.line + 1, mark.column + 1};
}

// Ends the parse from inside an event. It is thrown through yaml-cpp, and caught in parse_yaml() alone.
struct Refused {
  Position at;
  std::string text;
};

// Builds the tree. A frame is a collection that is still open.
class TreeBuilder final : public YAML::EventHandler {
 public:
  explicit TreeBuilder(const SurrogatePairs& source) : source_(source) {}

  [[nodiscard]] YamlNode take() { return std::move(root_); }

  void OnDocumentStart(const YAML::Mark& mark) override {
    if (documents_++ > 0)
      throw Refused{position(mark), "a second document begins here; one file describes one machine"};
  }
  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    YamlNode node;
    node.at = position(mark);
    place(std::move(node), anchor);
  }

  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    YamlNode node;
    node.kind = YamlNode::Kind::scalar;
    node.at = position(mark);
    node.quoted = tag == "!" || tag == "tag:yaml.org,2002:str";
    if (!node.quoted) refuse_tag(node.at, tag);
    if (value.size() > kScalarBytes)
      throw Refused{node.at, "this text is longer than " + format_size(kScalarBytes) + "; put it into a file"};
    if (value.find('\0') != std::string::npos)
      throw Refused{node.at, "this text holds a NUL character, which no option accepts"};
    node.text = value;
    place(std::move(node), anchor);
  }

  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    const auto found = anchors_.find(anchor);
    if (found == anchors_.end())
      throw Refused{position(mark), "this alias names a value that contains the alias itself"};
    if (frames_.size() + found->second.depth > kDepth) refuse_depth(position(mark));
    count(position(mark), found->second.nodes);
    YamlNode copy = found->second.node;
    if (expects_key()) throw Refused{position(mark), "an alias cannot be a key; write the key out"};
    attach(std::move(copy), found->second.nodes, found->second.depth);
  }

  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    open(YamlNode::Kind::sequence, position(mark), tag, anchor);
  }
  void OnSequenceEnd() override { close(); }

  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    open(YamlNode::Kind::mapping, position(mark), tag, anchor);
  }
  void OnMapEnd() override { close(); }

 private:
  struct Key {
    std::string text;
    Position at;
  };
  struct Frame {
    YamlNode node;
    YAML::anchor_t anchor = 0;
    std::optional<Key> key;                         // mapping: the key whose value comes next
    std::unordered_map<std::string, Position> seen; // mapping: keys so far
    size_t nodes = 1;                               // this node and all below it
    size_t depth = 1;                               // levels, this one included
  };
  struct Anchored {
    YamlNode node;
    size_t nodes;
    size_t depth;
  };

  [[nodiscard]] Position position(const YAML::Mark& mark) const { return source_.original(sporehost::position(mark)); }

  static void refuse_tag(Position at, const std::string& tag) {
    if (tag.empty() || tag == "?" || tag == "!") return;
    throw Refused{at, "the tag " + quote(tag) + " is not accepted; remove it"};
  }

  [[noreturn]] static void refuse_depth(Position at) {
    throw Refused{at, "values are nested deeper than " + std::to_string(kDepth) + " levels"};
  }

  void count(Position at, size_t nodes) {
    nodes_ += nodes;
    if (nodes_ > kNodes)
      throw Refused{at,
                    "the description has more than " + std::to_string(kNodes) + " values once aliases are expanded"};
  }

  [[nodiscard]] bool expects_key() const {
    return !frames_.empty() && frames_.back().node.kind == YamlNode::Kind::mapping && !frames_.back().key;
  }

  void open(YamlNode::Kind kind, Position at, const std::string& tag, YAML::anchor_t anchor) {
    refuse_tag(at, tag);
    if (expects_key()) throw Refused{at, "a key must be a plain word, not a list or a mapping"};
    if (frames_.size() >= kDepth) refuse_depth(at);
    count(at, 1);
    Frame frame;
    frame.node.kind = kind;
    frame.node.at = at;
    frame.anchor = anchor;
    frames_.push_back(std::move(frame));
  }

  void close() {
    Frame frame = std::move(frames_.back());
    frames_.pop_back();
    remember(frame.anchor, frame.node, frame.nodes, frame.depth);
    attach(std::move(frame.node), frame.nodes, frame.depth);
  }

  // A scalar or null: the next key of a mapping, or a value.
  void place(YamlNode node, YAML::anchor_t anchor) {
    const size_t nodes = weight(node);
    count(node.at, nodes);
    remember(anchor, node, nodes, 1);
    if (!expects_key()) return attach(std::move(node), nodes, 1);
    if (node.kind == YamlNode::Kind::null) throw Refused{node.at, "a key is missing before ':'"};
    if (node.text == "<<" && !node.quoted)
      throw Refused{node.at, "merge keys ('<<') are not accepted; write the keys out"};
    Frame& frame = frames_.back();
    const auto [earlier, fresh] = frame.seen.emplace(node.text, node.at);
    if (!fresh)
      throw Refused{node.at, "the key " + quote(node.text) + " is there twice; the first is in line " +
                                 std::to_string(earlier->second.line)};
    frame.key = Key{std::move(node.text), node.at};
  }

  void remember(YAML::anchor_t anchor, const YamlNode& node, size_t nodes, size_t depth) {
    if (anchor == 0) return;
    anchors_[anchor] = Anchored{node, nodes, depth};
    // What is kept for an alias takes memory too; without this, anchors inside anchors would cost the square of the
    // text.
    count(node.at, nodes);
  }

  void attach(YamlNode node, size_t nodes, size_t depth) {
    if (frames_.empty()) {
      root_ = std::move(node);
      return;
    }
    Frame& frame = frames_.back();
    frame.nodes += nodes;
    frame.depth = std::max(frame.depth, depth + 1);
    if (frame.node.kind == YamlNode::Kind::sequence) {
      frame.node.items.push_back(std::move(node));
      return;
    }
    if (node.kind == YamlNode::Kind::null) node.at = frame.key->at;
    frame.node.entries.push_back({std::move(frame.key->text), frame.key->at, std::move(node)});
    frame.key.reset();
  }

  const SurrogatePairs& source_;
  YamlNode root_;
  std::vector<Frame> frames_;
  std::map<YAML::anchor_t, Anchored> anchors_;
  size_t nodes_ = 0;
  int documents_ = 0;
};

// Length of the UTF-8 character at `text[i]`, or 0 where the bytes are not one (overlong and surrogates included).
size_t utf8_length(std::string_view text, size_t i) {
  const auto byte = [&](size_t at) { return at < text.size() ? static_cast<unsigned char>(text[at]) : 0u; };
  const auto tail = [&](size_t at) { return (byte(at) & 0xC0) == 0x80; };
  const unsigned lead = byte(i);
  if (lead < 0x80) return 1;
  if (lead >= 0xC2 && lead <= 0xDF) return tail(i + 1) ? 2 : 0;
  if (lead >= 0xE0 && lead <= 0xEF) {
    if ((lead == 0xE0 && byte(i + 1) < 0xA0) || (lead == 0xED && byte(i + 1) > 0x9F)) return 0;
    return tail(i + 1) && tail(i + 2) ? 3 : 0;
  }
  if (lead >= 0xF0 && lead <= 0xF4) {
    if ((lead == 0xF0 && byte(i + 1) < 0x90) || (lead == 0xF4 && byte(i + 1) > 0x8F)) return 0;
    return tail(i + 1) && tail(i + 2) && tail(i + 3) ? 4 : 0;
  }
  return 0;
}

// Refuses what is no UTF-8 text. yaml-cpp would read other encodings, or bytes that are none, in ways of its own.
Result<void> check_text(std::string_view text, const std::string& file) {
  Position at{1, 1};
  for (size_t i = 0; i < text.size();) {
    const size_t length = utf8_length(text, i);
    const auto byte = static_cast<unsigned char>(text[i]);
    if (length == 0) return fail(SPORE_E_INVALID, format_position(file, at) + ": the file is not UTF-8 text");
    if ((byte < 0x20 && byte != '\n' && byte != '\r' && byte != '\t') || byte == 0x7F)
      return fail(SPORE_E_INVALID, format_position(file, at) + ": the file holds a control character; it is not text");
    at = byte == '\n' ? Position{at.line + 1, 1} : Position{at.line, at.column + static_cast<int>(length)};
    i += length;
  }
  return {};
}

// Column of a tab in the indentation of a line (from 1), or 0.
int tab_in_indentation(std::string_view text, int line) {
  size_t begin = 0;
  for (int at = 1; at < line && begin != std::string_view::npos; ++at) {
    begin = text.find('\n', begin);
    if (begin != std::string_view::npos) ++begin;
  }
  for (size_t i = begin; i < text.size() && (text[i] == ' ' || text[i] == '\t'); ++i)
    if (text[i] == '\t') return static_cast<int>(i - begin) + 1;
  return 0;
}

// The text, closed by a document end. yaml-cpp accepts a quoted text that the end of the file cuts off; it does not
// accept one that a document end does.
std::string with_end(std::string_view text) {
  std::string closed(text);
  if (!closed.empty() && closed.back() != '\n') closed += '\n';
  return closed + "...\n";
}

// yaml-cpp describes consequences ("illegal map value"); a person needs to hear of the tab, or of the missing quote.
spore::Error syntax_error(const YAML::Exception& error, std::string_view text, const std::string& file) {
  const Position at = position(error.mark);
  if (const int column = tab_in_indentation(text, at.line); at.line > 0 && column > 0)
    return fail(SPORE_E_INVALID, format_position(file, {at.line, column}) +
                                     ": the line is indented with a tab; YAML accepts only spaces there");
  const auto breaks = std::count(text.begin(), text.end(), '\n');
  const int last_line = static_cast<int>(breaks) + (text.ends_with('\n') ? 0 : 1);
  if (at.line > last_line)
    return fail(SPORE_E_INVALID,
                format_position(file, {last_line, 1}) +
                    ": not valid YAML: the file ends inside a quoted text, a list or a mapping; close it");
  if (error.msg.starts_with(YAML::ErrorMsg::INVALID_UNICODE))
    return fail(SPORE_E_INVALID, format_position(file, at) +
                                     ": half of a JSON surrogate pair, such as \"\\ud83d\\ude00\"; " +
                                     "in YAML write the character itself, or \"\\U0001F600\"");
  return fail(SPORE_E_INVALID, format_position(file, at) + ": not valid YAML: " + error.msg);
}

// Whoever gave us standard input may have made it non-blocking.
bool wait_readable(int fd) {
  pollfd wait{fd, POLLIN, 0};
  return ::poll(&wait, 1, -1) > 0 || errno == EINTR;
}

} // namespace

std::string YamlNode::describe() const {
  switch (kind) {
    case Kind::null:
      return "nothing";
    case Kind::sequence:
      return "a list";
    case Kind::mapping:
      return "a mapping";
    case Kind::scalar:
      break;
  }
  return quote(text);
}

Result<YamlNode> parse_yaml(std::string_view text, const std::string& file) {
  if (text.size() > kYamlFileBytes)
    return fail(SPORE_E_INVALID, file + ": the file is larger than " + format_size(kYamlFileBytes));
  SPORE_CHECK(check_text(text, file));
  const SurrogatePairs source(text);
  TreeBuilder builder(source);
  try {
    std::istringstream stream(with_end(source.text()));
    YAML::Parser parser(stream);
    if (!parser.HandleNextDocument(builder)) return fail(SPORE_E_INVALID, file + ": the file is empty");
    parser.HandleNextDocument(builder);
  } catch (const Refused& refused) {
    return fail(SPORE_E_INVALID, format_position(file, refused.at) + ": " + refused.text);
  } catch (const YAML::Exception& error) {
    return syntax_error(error, text, file);
  } catch (const std::exception& error) {
    return fail(SPORE_E_INTERNAL, file + ": the YAML reader failed: " + error.what());
  }
  YamlNode root = builder.take();
  if (root.kind == YamlNode::Kind::null) return fail(SPORE_E_INVALID, file + ": the file is empty");
  return root;
}

Result<YamlText> read_yaml_file(const std::string& path) {
  const bool standard_input = path == "-";
  const std::string name = standard_input ? "standard input" : path;
  const auto failed = [&](const char* what) {
    const int code = errno;
    const spore_status status = code == ENOENT ? SPORE_E_NOT_FOUND : code == EACCES ? SPORE_E_PERMISSION : SPORE_E_IO;
    return fail(status, name + ": cannot " + what + " the file: " + std::strerror(code));
  };
  const UniqueFd opened(standard_input ? -1 : ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY));
  if (!standard_input && !opened) return failed("open");
  const int fd = standard_input ? STDIN_FILENO : opened.get();
  struct stat facts {};
  if (::fstat(fd, &facts) != 0) return failed("read");
  if (S_ISDIR(facts.st_mode) || S_ISBLK(facts.st_mode))
    return fail(SPORE_E_INVALID, name + ": neither a file nor a pipe");
  YamlText read;
  read.is_file = !standard_input && S_ISREG(facts.st_mode);
  char buffer[16384];
  while (read.text.size() <= kYamlFileBytes) {
    const ssize_t got = ::read(fd, buffer, sizeof buffer);
    if (got < 0 && errno == EAGAIN && wait_readable(fd)) continue;
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return failed("read");
    if (got == 0) return read;
    read.text.append(buffer, static_cast<size_t>(got));
  }
  return fail(SPORE_E_INVALID, name + ": the file is larger than " + format_size(kYamlFileBytes));
}

} // namespace sporehost
