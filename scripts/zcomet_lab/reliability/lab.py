"""What the parts share: running programs that tell in JSON what they have found."""

import json
import os

import zcomet_lab.bench.lab
from zcomet_lab import ROOT
from zcomet_lab.programs import ProgramError


def shown(command):
    """The command as someone in the project's root would type it."""
    words = (str(word).removeprefix(f"{ROOT}/") for word in command)
    return " ".join(words)


def ended_badly(name, status, log):
    """A sentence for a program that did not say itself what is wrong."""
    last_line = log.rpartition("\n")[2]
    return f"{name} ended with status {status}: {last_line}"


class Lab(zcomet_lab.bench.lab.Lab):
    """Starts programs of one build for one part; `options` are those of the command line."""

    def __init__(self, options, programs, folder):
        super().__init__(options.build, programs, folder, folder, options.short)
        self.options = options

    def simulation(self, name):
        return os.path.join(self.options.build, "test", "simulation", name)

    def run_json(self, name, command, timeout_s):
        """Runs a program that prints JSON, an object on each line. Returns these, its exit status and its
        log; ProgramError if it takes longer."""
        program = self._programs.start(command[0], command[1:], name=name)
        try:
            output = program.finish(timeout_s, status=None)
            return [json.loads(line) for line in output.splitlines()], program.status, program.log()
        except ValueError as error:
            raise ProgramError(
                f"{program.name} printed what is no JSON: {error}\n{output}"
            ) from None
        finally:
            self.end(program)
