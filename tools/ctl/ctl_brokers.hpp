// zcomet-ctl brokers: by which list of brokers processes go, and the steps that change the list.
#pragma once

#include "tools/ctl/ctl.hpp"
#include "tools/ctl/list_edit.hpp"
#include "topology/base/result.hpp"

#include <functional>
#include <string>

namespace zcomet::tools::ctl {

/// Prints by which list of brokers each broker and its peers go, and a warning if lists differ.
/// @return whether all brokers have answered, and go by one list.
/// Errors: as ctl_nodes().
[[nodiscard]] bool ctl_brokers(const CtlOptions& options);

/// Writes the next version of a cluster file, and prints what to do with it.
/// @param edit  one of list_edit.hpp: from the text of the file to that of its next version.
/// Errors: throws std::runtime_error with one sentence, and the file is as it was.
void ctl_edit_list(const std::string& file,
                   const std::function<Result<std::string>(const std::string&)>& edit);

/// Whether all brokers have answered, and they and all of their nodes and senders go by the version
/// that `options` have.   Errors: as ctl_nodes(); otherwise std::runtime_error says who does not.
void ctl_check_list(const CtlOptions& options);

} // namespace zcomet::tools::ctl
