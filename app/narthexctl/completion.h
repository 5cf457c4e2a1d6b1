// SPDX-FileCopyrightText: Narthex developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// Scripts that let shells complete a command line, made from the commands themselves. Threads: pure
// functions.
#pragma once

#include <CLI/CLI.hpp>

#include <string>
#include <vector>

namespace narthex::ctl {

/// One option, in all of its spellings.
struct OptionWords
{
    std::vector<std::string> names;
    /// What may stand behind it; empty: anything, or nothing.
    std::vector<std::string> values;
    bool takesValue = false;
    std::string description;
};

/// One command with what may follow it.
struct CommandWords
{
    /// " check config"; empty: the program itself.
    std::string path;
    std::string description;
    std::vector<CommandWords> commands;
    std::vector<OptionWords> options;
};

CommandWords wordsOf(const CLI::App& app);

std::string bashCompletion(const CommandWords& words);
std::string zshCompletion(const CommandWords& words);
std::string fishCompletion(const CommandWords& words);

} // namespace narthex::ctl
