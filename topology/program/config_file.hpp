// The file of --config: what CLI11 reads, and where in it each option stands.
#pragma once

#include <CLI/CLI.hpp>

#include <cstddef>
#include <istream>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace zcomet::program {

/// CLI11's reader of TOML and INI, which skips the mark that some editors put in front of UTF-8 (it
/// would become part of the first name), and remembers the lines. Thread: one.
class ConfigFile : public CLI::ConfigBase {
  public:
    /// CLI11 reports the beginning of a section as an option "SECTION.++".
    static constexpr std::string_view kSectionBegin = "++";

    /// @param app  has read its command line when the file is read; it owns this.
    explicit ConfigFile(const CLI::App& app) : app_(app) {}

    [[nodiscard]] std::vector<CLI::ConfigItem> from_config(std::istream& input) const override;

    /// The line, from 1, on which the option `name` (without hyphens) first stands; 0: on none, or
    /// the command line has the option, which takes precedence.
    [[nodiscard]] std::size_t line_of(const std::string& name) const;
    /// The first of the options that `text` mentions as `--NAME` and line_of() knows; empty: there
    /// is none.
    [[nodiscard]] std::string option_in(std::string_view text) const;

  private:
    const CLI::App& app_;
    mutable std::map<std::string, std::size_t> lines_;
};

} // namespace zcomet::program
