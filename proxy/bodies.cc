#include "proxy/bodies.h"

namespace countersign::proxy {

BodyView view_of(const http1::Spool& spool) {
  BodyView view;
  view.size = spool.size();
  if (view.size > 0) view.sha256 = to_hex(spool.digest());
  if (auto text = spool.in_memory()) view.in_memory = *text;
  return view;
}

Result<ByteView> SpoolSource::next() {
  if (auto text = spool_.in_memory()) {
    ByteView all = as_bytes(*text).subspan(offset_);
    offset_ = spool_.size();
    return all;
  }
  buffer_.resize(64U << 10);
  auto count = spool_.read(offset_, buffer_);
  if (!count) return fail(count.error());
  offset_ += *count;
  return ByteView(buffer_.data(), *count);
}

}  // namespace countersign::proxy
