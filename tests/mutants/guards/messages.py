"""Guards against a job process that sends what no honest one would."""

from tests.mutants.mutant import Mutant

INVALID = ("tests/runner/pool/test_invalid_messages.py",)
FAULTS = ("tests/runner/pool/test_faults.py",)
SEEN = ("tests/runner/pool/test_isolation.py",)
JSON = ("tests/runner/pool/test_json_text.py",)
TRACEBACKS = ("tests/runner/pool/test_tracebacks.py",)
STORED = ("tests/storage/jobs/test_rows.py",)

MESSAGES = (
    Mutant(
        "a message of another call is refused",
        "runner/pool/protocol/answers.py",
        '    if values["nonce"] != nonce:\n',
        "    if False:\n",
        INVALID,
    ),
    Mutant(
        "a late message is not the fault of the next job",
        "runner/pool/keeper/watch.py",
        "        except LateMessage:\n"
        '            return lost("the job before it sent more than one answer")\n',
        "",
        INVALID,
    ),
    Mutant(
        "a process that has sent more than its answer runs no other job",
        "runner/pool/keeper/keeper.py",
        "        if self._process and self._process.has_sent_more():\n",
        "        if self._process and self._process.exit_code() is not None:\n",
        INVALID,
    ),
    Mutant(
        "a message has no unknown fields",
        "runner/pool/protocol/answers.py",
        "    if values.keys() != _NAMES[kind]:\n",
        "    if values.keys() < _NAMES[kind]:\n",
        INVALID,
    ),
    Mutant(
        "an integer is in the range of a database",
        "runner/pool/protocol/answers.py",
        "type(value) is int and 0 <= value <= highest",
        "type(value) is int",
        INVALID,
    ),
    Mutant(
        "true is no integer",
        "runner/pool/protocol/answers.py",
        "type(value) is int and",
        "isinstance(value, int) and",
        INVALID,
    ),
    Mutant(
        "text contains no NUL",
        "runner/pool/protocol/answers.py",
        ' and "\\0" not in value,',
        ",",
        INVALID,
    ),
    Mutant(
        "the keeper limits the size of a result",
        "runner/pool/protocol/messages.py",
        "        if max_bytes is not None and size > max_bytes:\n",
        "        if False:\n",
        INVALID,
    ),
    Mutant(
        "a body cannot change after it was checked",
        "runner/pool/protocol/messages.py",
        "if fcntl.fcntl(memfd, fcntl.F_GET_SEALS) & _SEALS == _SEALS:",
        "if True:",
        INVALID,
    ),
    Mutant(
        "the pool checks the messages of keepers",
        "runner/pool/calls.py",
        "answers.check_progress(message.fields)",
        'message.fields["text"]',
        INVALID,
    ),
    Mutant(
        "a keeper reports only its own calls",
        "runner/pool/calls.py",
        "if not isinstance(call_id, str) or call_id not in self.calls:",
        "if not call_id:",
        INVALID,
    ),
    Mutant(
        "a job process holds a lock without a descriptor",
        "runner/pool/job_process/loop.py",
        "[*ends, output.stdout, output.stderr]",
        "[*ends, output.stdout, output.stderr, *keep_fds]",
        INVALID,
    ),
    Mutant(
        "a result that a keeper cannot send costs no keeper",
        "runner/pool/keeper/keeper.py",
        "        except OSError as error:  # a long body needs memory and a descriptor\n",
        "        except ZeroDivisionError as error:\n",
        FAULTS,
    ),
    Mutant(
        "a job process cannot write to the tracker of multiprocessing",
        "runner/pool/job_process/loop.py",
        "    processes.close_descriptors_except(keep_fds)\n",
        "    processes.close_descriptors_except([*keep_fds, *range(3, 20)])\n",
        SEEN,
    ),
    Mutant(
        "a job process cannot change limits and priorities of other processes",
        "runner/pool/job_process/loop.py",
        "        seccomp.protect_other_processes()\n",
        "",
        SEEN,
    ),
    Mutant(
        "a job cannot open a semaphore of the executor",
        "runner/pool/executor.py",
        "            semaphores.replace_by_decoys(self._semaphore_files)\n",
        "",
        INVALID,
    ),
    Mutant(
        "a job process has no semaphore of the executor",
        "runner/pool/linux/semaphores.py",
        "_MADV_DONTFORK = 10",
        "_MADV_DONTFORK = 0",
        INVALID,
    ),
    Mutant(
        "a job process cannot write which call has begun",
        "runner/pool/protocol/shared_memory.py",
        "        self._memory.madvise(mmap.MADV_DONTFORK)",
        "        pass",
        INVALID,
    ),
    Mutant(
        "a job process cannot extend the lease",
        "runner/pool/protocol/shared_memory.py",
        "        self._memory.madvise(mmap.MADV_DONTFORK)",
        "        pass",
        INVALID,
    ),
    Mutant(
        "JSON is not nested too deeply",
        "runner/pool/protocol/answers.py",
        "_levels(value) > MAX_LEVELS",
        "False",
        (*JSON, *INVALID),
    ),
    Mutant(
        "JSON has not too many values",
        "runner/pool/protocol/answers.py",
        "    if len(text) > MAX_VALUES and _has_too_many_values(text):\n",
        "    if False:\n",
        JSON,
    ),
    Mutant(
        "a traceback has no frames of the service",
        "runner/pool/job_process/results.py",
        "            each.stack[:] = filter(_is_of_job, each.stack)\n",
        "            pass\n",
        TRACEBACKS,
    ),
    Mutant(
        "a traceback has a maximum size",
        "runner/pool/job_process/results.py",
        "    if len(text) <= TRACEBACK_BYTES:\n",
        "    if True:\n",
        TRACEBACKS,
    ),
    Mutant(
        "the keeper limits the size of a traceback",
        "runner/pool/protocol/answers.py",
        'if len(body) > TRACEBACK_BYTES or "\\0" in text:',
        'if "\\0" in text:',
        INVALID,
    ),
    Mutant(
        "stored text that is no JSON hides no other job",
        "storage/jobs/rows.py",
        "    except (ValueError, RecursionError):\n        return UNREADABLE\n",
        "    except ZeroDivisionError:\n        return UNREADABLE\n",
        STORED,
    ),
)
