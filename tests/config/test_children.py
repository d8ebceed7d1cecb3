"""Programs run side by side, speak under their names and end together."""

import io
import os
import time

import pytest

from config.children import Children
from config.servers import free_port, is_listening


@pytest.fixture
def output():
    return io.StringIO()


@pytest.fixture
def children(output):
    running = Children(output)
    yield running
    running.stop()


def show_until(children, is_done, seconds=120):
    deadline = time.monotonic() + seconds
    while not is_done():
        assert time.monotonic() < deadline
        children.show_output(seconds=0.1)


class TestChildren:
    def test_show_output_under_the_program_s_name(self, children, output):
        children.start("zen", ["this"], environment=os.environ)

        show_until(children, lambda: "Namespaces" in output.getvalue())

        assert output.getvalue().startswith("    zen | The Zen of Python")

    def test_tell_which_program_ended_and_its_last_words(self, children):
        children.start("web", ["http.server", "--bind", "127.0.0.1", str(free_port())], environment=os.environ)
        children.start("broken", ["no_such_module"], environment=os.environ)

        show_until(children, children.ended)
        show_until(children, lambda: children.ended().last_lines)

        assert children.ended().name == "broken"
        assert "No module named no_such_module" in children.ended().last_lines[-1]

    def test_name_none_while_all_run(self, children):
        port = free_port()
        children.start("web", ["http.server", "--bind", "127.0.0.1", str(port)], environment=os.environ)

        show_until(children, lambda: is_listening(port))

        assert children.ended() is None

    def test_stop_together(self, children):
        ports = [free_port(), free_port()]
        for port in ports:
            children.start("web", ["http.server", "--bind", "127.0.0.1", str(port)], environment=os.environ)
        show_until(children, lambda: all(map(is_listening, ports)))

        children.stop()

        assert not any(map(is_listening, ports))
        assert children.ended() is not None
