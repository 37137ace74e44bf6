"""completion: the scripts for bash, zsh and fish, and what these ask at every key."""

from __future__ import annotations

import os
from typing import ClassVar

import click
from click.shell_completion import (
    BashComplete,
    CompletionItem,
    FishComplete,
    ShellComplete,
    ZshComplete,
    split_arg_string,
)

from orgaudit.cli import COMPLETION, orgaudit
from orgaudit.cli.names import complete
from orgaudit.errors import ExitCode

PROGRAM = "orgaudit"


class Quick(ShellComplete):
    """Names from files, without the command's module; whatever else from the command's own parameters."""

    def get_completions(self, args: list[str], incomplete: str) -> list[CompletionItem]:
        """Return the words that can stand where `incomplete` is."""
        found = complete(args, incomplete)
        return super().get_completions(args, incomplete) if found is None else found


class Bash(Quick, BashComplete):
    """Completion for bash 4.4 and later.

    Bash takes a colon and an equals sign for the end of a word, which they are not here. So the script gives the line
    as typed, and of each answer the part that bash has in an earlier word is left out.
    """

    source_template: ClassVar[str] = """\
%(complete_func)s() {
    local kind value program=${1/#\\~/$HOME}
    COMPREPLY=()
    while IFS=, read -r kind value; do
        case $kind in
            plain) COMPREPLY+=("$value") ;;
            file) compopt -o default ;;
            dir) compopt -o dirnames ;;
        esac
    done < <(COMP_LINE=${COMP_LINE:0:COMP_POINT} COMP_WORDBREAKS=$COMP_WORDBREAKS \\
        %(complete_var)s=bash_complete "$program" 2>/dev/null)
}
complete -o nosort -F %(complete_func)s %(prog_name)s
"""

    def source(self) -> str:
        """Return the script."""
        return self.source_template % self.source_vars()

    def get_completion_args(self) -> tuple[list[str], str]:
        """Return the words of the line, and what is typed of the one that is completed."""
        line = os.environ["COMP_LINE"]
        _, *words = split_arg_string(line)
        return (words, "") if line[-1:].isspace() or not words else (words[:-1], words[-1])

    def format_completion(self, item: CompletionItem) -> str:
        """Return the kind of an item, and of its value the part that bash is to insert."""
        _, typed = self.get_completion_args()
        breaks = set(os.environ.get("COMP_WORDBREAKS", "")) & {":", "="}
        begun = max((typed.rfind(each) + 1 for each in breaks), default=0)
        # click completes the value alone where the word is --option=value.
        value = item.value if item.value.startswith(typed) else f"{typed.partition('=')[0]}={item.value}"
        return f"{item.type},{(value if '=' in typed else item.value)[begun:]}"


class Zsh(Quick, ZshComplete):
    """Completion for zsh."""


class Fish(Quick, FishComplete):
    """Completion for fish; a comma in a description does not end it."""

    source_template: ClassVar[str] = FishComplete.source_template.replace("string split ", "string split --max 1 ")


SHELLS: dict[str, type[ShellComplete]] = {"bash": Bash, "zsh": Zsh, "fish": Fish}


def answer(instruction: str) -> int:
    """Print what a shell asked for: the words that can follow, or its script; return the exit code."""
    shell, _, what = instruction.partition("_")
    if shell not in SHELLS or what not in {"complete", "source"}:
        return ExitCode.USAGE
    asked = SHELLS[shell](orgaudit, {}, PROGRAM, COMPLETION)
    click.echo(asked.complete() if what == "complete" else asked.source())
    return ExitCode.CLEAN


@click.command()
@click.argument("shell", type=click.Choice(list(SHELLS)))
def completion(shell: str) -> None:
    """Print the script that completes commands, options and names in a shell.

    Names are those of controls, frameworks, requirements, runs, exceptions and attestations. It calls nothing in AWS.

    \b
    bash (4.4 or later), in ~/.bashrc:
      source <(orgaudit completion bash)
    zsh, in ~/.zshrc after compinit:
      source <(orgaudit completion zsh)
    fish, once:
      orgaudit completion fish > ~/.config/fish/completions/orgaudit.fish
    """
    click.echo(SHELLS[shell](orgaudit, {}, PROGRAM, COMPLETION).source(), nl=False)


COMMANDS = (completion,)
