"""Finding the studio: what is given, the environment, and the file that a running studio leaves."""

import json
import os
import tempfile
import unittest
from unittest import mock

from anneal_studio import find


class Find(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.file = os.path.join(folder.name, "anneal-studio", "api.json")
        os.mkdir(os.path.dirname(self.file))
        environment = mock.patch.dict(os.environ, {"XDG_RUNTIME_DIR": folder.name})
        environment.start()
        self.addCleanup(environment.stop)
        for name in ("ANNEAL_URL", "ANNEAL_TOKEN", "ANNEAL_TOKEN_FILE"):
            os.environ.pop(name, None)

    def write(self, content):
        with open(self.file, "w") as file:
            file.write(content if isinstance(content, str) else json.dumps(content))

    def test_the_file_of_an_open_studio_is_found(self):
        self.write({"url": "http://127.0.0.1:7118", "token": "abc", "pid": os.getpid(), "api": 1})
        found = find.studio()
        self.assertEqual((found.host, found.port, found.token), ("127.0.0.1", 7118, "abc"))
        self.assertNotIn("abc", repr(found))

    def test_the_environment_overrules_the_file(self):
        self.write({"url": "http://127.0.0.1:7118", "token": "abc", "pid": os.getpid()})
        os.environ["ANNEAL_URL"] = "http://[::1]:9000"
        self.assertEqual(find.studio().url, "http://[::1]:9000")
        token = os.path.join(os.path.dirname(self.file), "token")
        with open(token, "w") as file:
            file.write("def\n")
        os.environ["ANNEAL_TOKEN_FILE"] = token
        self.assertEqual(find.studio().token, "def")

    def test_no_file_a_dead_studio_and_a_broken_file_are_told_apart(self):
        with self.assertRaisesRegex(find.NotFound, "no open studio"):
            find.studio()
        self.write({"url": "http://127.0.0.1:7118", "token": "abc", "pid": 2**22 + 1})
        with self.assertRaisesRegex(find.NotFound, "no open studio"):
            find.studio()
        for broken in ("{", "[]", '{"url": 1, "token": "abc"}', '{"token": "abc"}'):
            self.write(broken)
            with self.assertRaisesRegex(find.NotFound, "cannot be read"):
                find.studio()

    def test_what_is_no_address_or_token_is_refused(self):
        for url in ("https://127.0.0.1", "ftp://127.0.0.1", "http://", "http://127.0.0.1:port"):
            with self.assertRaises(find.NotFound):
                find.studio(url, "abc")
        with self.assertRaises(find.NotFound):
            find.studio("http://127.0.0.1:7117", "a\r\nHost: elsewhere")


if __name__ == "__main__":
    unittest.main()
