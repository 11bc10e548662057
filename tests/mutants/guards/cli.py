"""Guards of the command `jobservice`."""

from tests.mutants.mutant import Mutant

CLI = (
    Mutant(
        "a token that other users can read is refused",
        "client/jobservice/cli/config.py",
        "    if others_can_read(file) and",
        "    if False and",
        ("tests/client/cli/test_config.py",),
    ),
    Mutant(
        "a token of an old address is not sent to a new one",
        "client/jobservice/cli/commands/profiles.py",
        " or url != known.url else",
        " else",
        ("tests/client/cli/test_config.py",),
    ),
    Mutant(
        "a part of an id selects a job only if no other job matches",
        "client/jobservice/cli/ids.py",
        "    if len(found) > 1:",
        "    if False:",
        ("tests/client/cli/test_ids.py",),
    ),
    Mutant(
        "a text in a payload is no id",
        "client/jobservice/cli/ids.py",
        "        if plain.startswith(digits) or plain.endswith(digits):",
        "        if True:",
        ("tests/client/cli/test_ids.py",),
    ),
    Mutant(
        "jobs that filters select are changed only after a yes",
        "client/jobservice/cli/commands/changes.py",
        "    if not dry_run and not yes:",
        "    if False:",
        ("tests/client/cli/test_changes.py",),
    ),
    Mutant(
        "a queue that exists is not replaced by a creation",
        "client/jobservice/cli/commands/queues.py",
        "paused=paused, only_new=True)",
        "paused=paused)",
        ("tests/client/cli/test_queues.py",),
    ),
    Mutant(
        "control characters of jobs do not reach the terminal",
        "client/jobservice/cli/output/formats.py",
        '    return _CONTROL.sub("\\N{REPLACEMENT CHARACTER}", text)',
        "    return text",
        ("tests/client/cli/test_lists.py", "tests/client/cli/test_formats.py"),
    ),
    Mutant(
        "an option is not named twice in an error",
        "client/jobservice/cli/wording.py",
        """return _REPEATED.sub("", f"{option}: {text}" if option else text)""",
        """return f"{option}: {text}" if option else text""",
        ("tests/client/cli/test_errors.py",),
    ),
    Mutant(
        "usage errors are JSON with --json",
        "client/jobservice/cli/main.py",
        '        if "--json" not in arguments:',
        "        if True:",
        ("tests/client/cli/test_errors.py",),
    ),
    Mutant(
        "Ctrl-C during the imports shows no traceback",
        "client/jobservice/cli/start.py",
        "    except KeyboardInterrupt:",
        "    except ZeroDivisionError:",
        ("tests/client/cli/test_errors.py",),
    ),
    Mutant(
        "the page of an unknown job is not opened",
        "client/jobservice/cli/commands/details.py",
        "job = session.client.get(ids.resolve(session.client, job_id))\n        address",
        "job = session.client._jobs([ids.resolve(session.client, job_id)])[0]\n        address",
        ("tests/client/cli/test_details.py",),
    ),
    Mutant(
        "a missing file that JOBS_CONFIG names is not ignored",
        "client/jobservice/cli/config.py",
        '    if environ.get("JOBS_CONFIG") and not file.exists():',
        "    if False:",
        ("tests/client/cli/test_config.py",),
    ),
    Mutant(
        "completion asks the service that the options name",
        "client/jobservice/cli/completion.py",
        "    for each in (ctx, ctx.find_root()):",
        "    for each in ():",
        ("tests/client/cli/test_completion.py",),
    ),
    Mutant(
        "zsh completes at the first Tab",
        "client/jobservice/cli/completion.py",
        "COMPLETION_SCRIPT_ZSH.rstrip() + _CALL",
        "COMPLETION_SCRIPT_ZSH",
        ("tests/client/cli/test_completion.py",),
    ),
)
