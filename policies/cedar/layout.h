// Internal to the formatter: documents that know where they may break, and how they are laid out in a width. The
// algebra of Wadler ("A prettier printer") with the reading of a group that the official formatter has: a group stays
// on one line when what follows fits up to the next possible line break; a hard break does not break the groups around
// it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace cedar::detail {

using Doc = std::uint32_t;

// A pool of documents. Texts are views: what they point to must outlive the layout. Nothing recurses, so documents may
// be of any shape.
class Layout {
 public:
  Layout();

  Doc nothing() const { return 0; }
  Doc text(std::string_view text);
  Doc line();  // a space, or a line break
  Doc cut();   // nothing, or a line break
  Doc hard();  // a line break
  Doc all(std::vector<Doc> parts);
  Doc nest(std::size_t columns, Doc inner);  // further in behind line breaks
  Doc group(Doc inner);                      // without line breaks when it fits

  // Without empty lines and trailing blanks (but for those inside texts), and without white space at both ends.
  std::string render(Doc doc, std::size_t width) const;

 private:
  enum class Kind : std::uint8_t { nothing, text, line, cut, hard, all, nest, group };
  struct Node {
    Kind kind = Kind::nothing;
    Doc inner = 0;              // nest, group
    std::uint32_t columns = 0;  // text: how wide it is; nest: how far
    std::uint32_t first = 0;    // all: parts_[first .. first + count)
    std::uint32_t count = 0;
    std::string_view text;
  };
  enum class Mode : std::uint8_t { broken, flat };
  // Where the layout stands in one document: `next` is the part of `all` to go on with.
  struct Place {
    Doc doc = 0;
    std::size_t next = 0;
    std::size_t indent = 0;
    Mode mode = Mode::broken;
  };

  Doc add(Node node);
  bool fits(Doc doc, const std::vector<Place>& rest, std::size_t column, std::size_t width) const;

  std::vector<Node> nodes_;
  std::vector<Doc> parts_;
};

}  // namespace cedar::detail
