#include "crds/quantity.h"

#include <algorithm>
#include <limits>
#include <utility>

namespace crds {
namespace {

__extension__ typedef __int128 Wide;

constexpr std::int64_t kNano = 1'000'000'000;
constexpr std::int64_t kNanoPerMilli = 1'000'000;
constexpr std::size_t kMaxDigits = 36;  // of the mantissa; more cannot be held exactly

struct Suffix {
  int base = 10;  // 10 or 1024
  int power = 0;
  bool exponent = false;  // written as "e3"
};

bool is_digit(char c) { return c >= '0' && c <= '9'; }

std::optional<Suffix> parse_suffix(const std::string& text) {
  static const std::pair<const char*, Suffix> kSuffixes[] = {
      {"", {10, 0}},     {"n", {10, -9}},   {"u", {10, -6}},   {"m", {10, -3}},
      {"k", {10, 3}},    {"M", {10, 6}},    {"G", {10, 9}},    {"T", {10, 12}},
      {"P", {10, 15}},   {"E", {10, 18}},   {"Ki", {1024, 1}}, {"Mi", {1024, 2}},
      {"Gi", {1024, 3}}, {"Ti", {1024, 4}}, {"Pi", {1024, 5}}, {"Ei", {1024, 6}}};
  for (const auto& [name, suffix] : kSuffixes) {
    if (text == name) return suffix;
  }
  if (text.front() != 'e' && text.front() != 'E') return std::nullopt;
  std::size_t at = 1;
  const bool negative = at < text.size() && text[at] == '-';
  if (at < text.size() && (text[at] == '-' || text[at] == '+')) ++at;
  if (at == text.size() || text.size() - at > 2) return std::nullopt;
  int power = 0;
  for (; at < text.size(); ++at) {
    if (!is_digit(text[at])) return std::nullopt;
    power = power * 10 + (text[at] - '0');
  }
  return Suffix{10, negative ? -power : power, true};
}

bool multiply(Wide& value, int factor, int times) {
  for (; times > 0; --times) {
    if (__builtin_mul_overflow(value, Wide{factor}, &value)) return false;
  }
  return true;
}

Wide divide_up(Wide value, Wide by) { return value / by + (value % by > 0 ? 1 : 0); }

std::string digits(Wide value) {
  const bool negative = value < 0;
  if (negative) value = -value;
  std::string text;
  do {
    text.insert(text.begin(), static_cast<char>('0' + static_cast<int>(value % 10)));
    value /= 10;
  } while (value > 0);
  return negative ? "-" + text : text;
}

std::string decimal(Wide value, bool as_exponent) {
  int exponent = -9;
  for (; value % 10 == 0; ++exponent) value /= 10;
  for (; exponent % 3 != 0; --exponent) value *= 10;
  if (exponent == 0) return digits(value);
  if (as_exponent) return digits(value) + "e" + std::to_string(exponent);
  static const char* const kNames[] = {"n", "u", "m", "", "k", "M", "G", "T", "P", "E"};
  return digits(value) + kNames[(exponent + 9) / 3];
}

std::string binary(Wide value) {
  static const char* const kNames[] = {"", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"};
  int power = 0;
  for (; value % 1024 == 0 && power < 6; ++power) value /= 1024;
  return digits(value) + kNames[power];
}

}  // namespace

std::optional<Quantity> Quantity::parse(const std::string& text) {
  std::size_t at = 0;
  const bool negative = !text.empty() && text[0] == '-';
  if (!text.empty() && (text[0] == '-' || text[0] == '+')) ++at;

  Wide mantissa = 0;
  std::size_t significant = 0;
  int fraction_digits = 0;
  bool any = false, fraction = false;
  for (; at < text.size() && (is_digit(text[at]) || (text[at] == '.' && !fraction)); ++at) {
    if (text[at] == '.') {
      fraction = true;
      continue;
    }
    any = true;
    mantissa = mantissa * 10 + (text[at] - '0');
    if (mantissa != 0 && ++significant > kMaxDigits) return std::nullopt;
    if (fraction && ++fraction_digits > static_cast<int>(kMaxDigits)) return std::nullopt;
  }
  if (!any) return std::nullopt;
  const auto suffix = parse_suffix(text.substr(at));
  if (!suffix) return std::nullopt;

  int tens = 9 - fraction_digits;
  if (suffix->base == 10) tens += suffix->power;
  if (suffix->base == 1024 && !multiply(mantissa, 1024, suffix->power)) return std::nullopt;
  if (mantissa != 0 && !multiply(mantissa, 10, tens)) return std::nullopt;
  for (; tens < 0 && mantissa > 1; ++tens) mantissa = divide_up(mantissa, 10);
  if (mantissa / kNano > std::numeric_limits<std::int64_t>::max()) return std::nullopt;

  const Format format = suffix->base == 1024 ? Format::BinarySI
                        : suffix->exponent   ? Format::DecimalExponent
                                             : Format::DecimalSI;
  return Quantity(negative ? -mantissa : mantissa, format);
}

std::string Quantity::canonical() const {
  // The server rounds every resource up to thousandths when it sets its defaults.
  const Wide nano = divide_up(nano_, kNanoPerMilli) * kNanoPerMilli;
  if (nano == 0) return "0";
  const Wide whole = nano / kNano;
  const bool small = whole > -1024 && whole < 1024;
  // Without a suffix it is decimal to the next reader: the server changes the form once more then.
  const bool suffixed = nano % kNano == 0 && whole % 1024 == 0 && !small;
  if (format_ == Format::BinarySI && suffixed) return binary(whole);
  return decimal(nano, format_ == Format::DecimalExponent);
}

std::int64_t Quantity::ceil() const { return static_cast<std::int64_t>(divide_up(nano_, kNano)); }

std::int64_t Quantity::milli() const {
  const Wide milli = divide_up(nano_, kNanoPerMilli);
  using Limits = std::numeric_limits<std::int64_t>;
  return static_cast<std::int64_t>(std::clamp(milli, Wide{Limits::min()}, Wide{Limits::max()}));
}

double Quantity::value() const { return static_cast<double>(nano_) / 1e9; }

}  // namespace crds
