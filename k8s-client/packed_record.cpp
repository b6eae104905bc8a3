#include "k8s-client/packed_record.h"

#include <cstring>
#include <vector>

namespace k8s {
namespace {

class Packer {
 public:
  void number(std::uint64_t value) {
    for (; value >= 0x80U; value >>= 7U) bytes_ += static_cast<char>(value | 0x80U);
    bytes_ += static_cast<char>(value);
  }
  void text(std::string_view value) {
    number(value.size());
    bytes_ += value;
  }
  void texts(const std::map<std::string, std::string>& values) {
    number(values.size());
    for (const auto& [name, value] : values) {
      text(name);
      text(value);
    }
  }
  // Growing has left room behind it.
  std::string take() { return {bytes_.begin(), bytes_.end()}; }

 private:
  std::string bytes_;
};

class Unpacker {
 public:
  explicit Unpacker(std::string_view bytes) : rest_(bytes) {}

  std::uint64_t number() {
    std::uint64_t value = 0;
    for (unsigned shift = 0;; shift += 7) {
      const auto byte = static_cast<unsigned char>(rest_.front());
      rest_.remove_prefix(1);
      value |= static_cast<std::uint64_t>(byte & 0x7fU) << shift;
      if (byte < 0x80U) return value;
    }
  }
  std::string_view view() {
    const std::size_t size = number();
    const std::string_view value = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return value;
  }
  std::string text() { return std::string(view()); }
  std::map<std::string, std::string> texts() {
    std::map<std::string, std::string> values;
    for (std::uint64_t left = number(); left > 0; --left) {
      std::string name = text();
      values.emplace_hint(values.end(), std::move(name), text());
    }
    return values;
  }

 private:
  std::string_view rest_;
};

}  // namespace

PackedRecord::PackedRecord(const Record& record) {
  Packer packer;
  packer.text(record.key.kind);
  packer.text(record.key.ns);
  packer.text(record.key.name);
  packer.text(record.uid);
  packer.text(record.resource_version);
  packer.number(static_cast<std::uint64_t>(record.generation));
  packer.number(record.deleting ? 1 : 0);
  packer.text(record.controller_uid);
  packer.number(record.owner_uids.size());
  // Most have one owner, which controls them.
  for (const std::string& uid : record.owner_uids) {
    packer.number(uid == record.controller_uid ? 1 : 0);
    if (uid != record.controller_uid) packer.text(uid);
  }
  packer.texts(record.labels);
  packer.texts(record.annotations);
  packer.text(record.owned);
  const std::vector<std::uint8_t> facts =
      record.facts.is_null() ? std::vector<std::uint8_t>() : Json::to_cbor(record.facts);
  packer.text({reinterpret_cast<const char*>(facts.data()), facts.size()});
  bytes_ = packer.take();
}

KeyView PackedRecord::key() const {
  Unpacker from(bytes_);
  const std::string_view kind = from.view(), ns = from.view();
  return {kind, ns, from.view()};
}

std::string_view PackedRecord::uid() const {
  Unpacker from(bytes_);
  for (int before = 0; before < 3; ++before) from.view();
  return from.view();
}

std::string_view PackedRecord::resource_version() const {
  Unpacker from(bytes_);
  for (int before = 0; before < 4; ++before) from.view();
  return from.view();
}

Record PackedRecord::unpack() const {
  Unpacker from(bytes_);
  Record record;
  record.key.kind = from.text();
  record.key.ns = from.text();
  record.key.name = from.text();
  record.uid = from.text();
  record.resource_version = from.text();
  record.generation = static_cast<std::int64_t>(from.number());
  record.deleting = from.number() != 0;
  record.controller_uid = from.text();
  for (std::uint64_t left = from.number(); left > 0; --left) {
    const bool controls = from.number() != 0;
    record.owner_uids.push_back(controls ? record.controller_uid : from.text());
  }
  record.labels = from.texts();
  record.annotations = from.texts();
  record.owned = from.text();
  const std::string_view facts = from.view();
  if (!facts.empty()) record.facts = Json::from_cbor(facts);
  return record;
}

}  // namespace k8s
