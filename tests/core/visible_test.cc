#include "core/visible.h"

#include <gtest/gtest.h>

#include <string>

namespace countersign {
namespace {

TEST(Visible, ReadsOneCharacterOfEveryLength) {
  struct Row {
    std::string_view text;
    char32_t code;
    std::size_t bytes;
  };
  for (const Row& row :
       {Row{"a", 'a', 1}, Row{"\u00e9", 0xE9, 2}, Row{"\u20ac!", 0x20AC, 3}, Row{"\U0001F600x", 0x1F600, 4}}) {
    const TextCharacter c = front_character(row.text);
    EXPECT_TRUE(c.is_utf8) << row.text;
    EXPECT_EQ(c.code, row.code);
    EXPECT_EQ(c.bytes, row.bytes);
  }
}

TEST(Visible, WhatBeginsNoCharacterIsOneByte) {
  using namespace std::string_view_literals;
  // A continuation alone, overlong forms, a surrogate, beyond U+10FFFF, cut short, a lead byte that is none.
  for (std::string_view text : {"\x80"sv, "\xC0\xAF"sv, "\xE0\x80\xAF"sv, "\xF0\x80\x80\xAF"sv, "\xED\xA0\x80"sv,
                                "\xF4\x90\x80\x80"sv, "\xE2\x82"sv, "\xFF\xFF"sv}) {
    const TextCharacter c = front_character(text);
    EXPECT_FALSE(c.is_utf8);
    EXPECT_EQ(c.bytes, 1U);
  }
}

TEST(Visible, NamesWhatHides) {
  for (char32_t code : {U'\x00', U'\x09', U'\x0A', U'\x1B', U'\x7F', U'\x9F', U'\xAD', U'\x061C', U'\x200B', U'\x202E',
                        U'\x2066', U'\xFEFF', U'\xFE00', U'\x3164', U'\xE0041', U'\xE0100'})
    EXPECT_TRUE(hides(code)) << static_cast<unsigned>(code);
  for (char32_t code : {U'\x20', U'\x41', U'\xA0', U'\xE9', U'\x20AC', U'\x4E2D', U'\xFE0F', U'\x1F600'})
    EXPECT_FALSE(hides(code)) << static_cast<unsigned>(code);
}

}  // namespace
}  // namespace countersign
