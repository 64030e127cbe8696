#include "topology/wire/attributes.hpp"

#include "topology/base/check.hpp"
#include "topology/wire/numbers.hpp"

#include <algorithm>
#include <utility>

namespace zcomet::wire {

namespace {

/// Of attributes. A release passes on those that it does not know.
enum class Tag : std::uint8_t {
    kEvent = 1,
    kContentType = 2,
    kPrivate = 3,
    kPosition = 4,
    kTraceId = 5,
    kKey = 6,
    kOrigin = 7,
};

constexpr std::size_t kTraceIdBytes = 16;
constexpr std::size_t kAttributeHeadBytes = 2;
static_assert(kSentAttributesBytesMax + kAttributeHeadBytes + kPositionBytes ==
              kAttributesBytesMax);

struct Attribute {
    Tag tag = Tag::kEvent;
    std::string_view value;
};

/// Takes the first attribute off a block.   @return false: the block is cut short.
bool take_attribute(std::string_view& block, Attribute& attribute) {
    if (block.size() < kAttributeHeadBytes) {
        return false;
    }
    attribute.tag = static_cast<Tag>(block[0]);
    const std::size_t length = static_cast<unsigned char>(block[1]);
    if (block.size() - kAttributeHeadBytes < length) {
        return false;
    }
    attribute.value = block.substr(kAttributeHeadBytes, length);
    block.remove_prefix(kAttributeHeadBytes + length);
    return true;
}

bool is_line(std::string_view text) {
    return std::none_of(text.begin(), text.end(), [](char c) {
        const auto byte = static_cast<unsigned char>(c);
        return byte < 0x20 || byte == 0x7F;
    });
}

std::string why_malformed(const Attribute& attribute) {
    const std::string_view value = attribute.value;
    switch (attribute.tag) {
    case Tag::kEvent:
        return why_no_event(value);
    case Tag::kContentType:
        return value.empty() || value.size() > kContentTypeBytesMax || !is_line(value)
                   ? "a content type is a line of 1 to 64 bytes"
                   : "";
    case Tag::kPrivate:
        return value.empty() ? "" : "the private flag has no value";
    case Tag::kPosition:
        return value.size() == kPositionBytes && load<std::uint64_t>(value.data()) != 0
                   ? ""
                   : "a position is a number of 8 bytes, and not 0";
    case Tag::kTraceId:
        return value.size() == kTraceIdBytes ? "" : "a trace id has 16 bytes";
    case Tag::kKey:
        return value.size() == kKeyBytes ? "" : "a key has 16 bytes";
    case Tag::kOrigin:
        return value.size() == kOriginAttributeBytes && load<std::uint64_t>(value.data()) != 0
                   ? ""
                   : "an origin has 16 bytes, and a sender";
    }
    return {}; // a later release knows more
}

void put(std::string& out, Tag tag, std::string_view value) {
    out.push_back(static_cast<char>(tag));
    out.push_back(static_cast<char>(value.size()));
    out.append(value);
}

/// Sets `out` to a block without the attribute of that tag, if it has one.   @return its value.
std::string_view split(std::string_view block, Tag tag, std::string& out) {
    std::string_view rest = block;
    std::size_t before = 0; // bytes of attributes with lower tags
    for (Attribute attribute; take_attribute(rest, attribute) && attribute.tag <= tag;) {
        if (attribute.tag == tag) {
            out.assign(block.substr(0, before)).append(rest);
            return attribute.value;
        }
        before = block.size() - rest.size();
    }
    return {};
}

Origin origin_in(std::string_view value) {
    return {load<std::uint64_t>(value.data()),
            load<std::uint64_t>(value.data() + sizeof(std::uint64_t))};
}

std::string bytes_of(const Origin& origin) {
    std::string bytes;
    append(bytes, origin.sender);
    append(bytes, origin.number);
    return bytes;
}

void put_if_any(std::string& out, Tag tag, std::string_view value) {
    if (!value.empty()) {
        put(out, tag, value);
    }
}

} // namespace

std::string why_no_event(std::string_view name) {
    if (name.empty() || name.size() > kEventBytesMax) {
        return "the name of an event has 1 to " + std::to_string(kEventBytesMax) + " bytes";
    }
    return is_line(name) ? "" : "the name of an event has no control characters";
}

std::string encode(const Attributes& attributes) {
    std::string block;
    put_if_any(block, Tag::kEvent, attributes.event);
    put_if_any(block, Tag::kContentType, attributes.content_type);
    if (attributes.is_private) {
        put(block, Tag::kPrivate, {});
    }
    if (attributes.position != 0) {
        std::string position;
        append(position, attributes.position);
        put(block, Tag::kPosition, position);
    }
    put_if_any(block, Tag::kTraceId, attributes.trace_id);
    put_if_any(block, Tag::kKey, attributes.key);
    if (attributes.origin.sender != 0) {
        put(block, Tag::kOrigin, bytes_of(attributes.origin));
    }
    ZCOMET_ASSERT(why_malformed_attributes(block).empty());
    return block;
}

void add_position(std::string_view block, std::uint64_t position, std::string& out) {
    std::string_view rest = block;
    std::size_t before = 0; // bytes of attributes with lower tags
    for (Attribute attribute; take_attribute(rest, attribute) && attribute.tag < Tag::kPosition;) {
        before = block.size() - rest.size();
    }
    out.assign(block.substr(0, before));
    out.push_back(static_cast<char>(Tag::kPosition));
    out.push_back(static_cast<char>(kPositionBytes));
    append(out, position);
    out.append(block.substr(before));
}

void set_origin(std::string& block, const Origin& origin) {
    Attributes attributes = read_attributes(block);
    attributes.origin = origin;
    std::string with_origin = encode(attributes);
    if (with_origin.size() > kSentAttributesBytesMax) {
        attributes.trace_id = {};
        with_origin = encode(attributes);
    }
    ZCOMET_ASSERT(with_origin.size() <= kSentAttributesBytesMax);
    block = std::move(with_origin);
}

void add_key(std::string& block, std::string_view key) {
    ZCOMET_ASSERT(key.size() == kKeyBytes);
    put(block, Tag::kKey, key);
}

std::string_view split_key(std::string_view block, std::string& out) {
    return split(block, Tag::kKey, out);
}

Origin split_origin(std::string_view block, std::string& out) {
    const std::string_view value = split(block, Tag::kOrigin, out);
    return value.empty() ? Origin{} : origin_in(value);
}

std::string why_malformed_attributes(std::string_view block) {
    if (block.size() > kAttributesBytesMax) {
        return "a message has more than 255 bytes of attributes";
    }
    int last = 0;
    while (!block.empty()) {
        Attribute attribute;
        if (!take_attribute(block, attribute)) {
            return "a message's attributes are cut short";
        }
        if (static_cast<int>(attribute.tag) <= last) {
            return "the tags of a message's attributes do not rise";
        }
        last = static_cast<int>(attribute.tag);
        if (std::string why = why_malformed(attribute); !why.empty()) {
            return why;
        }
    }
    return {};
}

Attributes read_attributes(std::string_view block) {
    Attributes attributes;
    for (Attribute attribute; !block.empty();) {
        const bool is_whole = take_attribute(block, attribute);
        ZCOMET_ASSERT(is_whole);
        switch (attribute.tag) {
        case Tag::kEvent:
            attributes.event = attribute.value;
            break;
        case Tag::kContentType:
            attributes.content_type = attribute.value;
            break;
        case Tag::kPrivate:
            attributes.is_private = true;
            break;
        case Tag::kPosition:
            attributes.position = load<std::uint64_t>(attribute.value.data());
            break;
        case Tag::kTraceId:
            attributes.trace_id = attribute.value;
            break;
        case Tag::kKey:
            attributes.key = attribute.value;
            break;
        case Tag::kOrigin:
            attributes.origin = origin_in(attribute.value);
            break;
        }
    }
    return attributes;
}

} // namespace zcomet::wire
