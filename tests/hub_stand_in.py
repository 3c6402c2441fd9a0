"""A small local server that answers as the Hugging Face Hub does, as far as `kerasgan` asks it.

It knows repositories of models, their commits and files, and takes files within commits only. The
real Hub also stores large files apart from commits, which is `huggingface_hub`'s own matter.
"""

import base64
import contextlib
import hashlib
import http.server
import json
import re
import threading
import urllib.parse

TOKEN = "hf_stand_in"


class Hub(http.server.ThreadingHTTPServer):
    """The server.

    Attributes:
        repos: dict from "user/name" to a list of commits, each a dict from file name to bytes.
        private: Names of repositories that only `TOKEN` may see.
    """

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.repos, self.private = {}, set()
        self.url = f"http://127.0.0.1:{self.server_address[1]}"


@contextlib.contextmanager
def running():
    """A running `Hub`."""
    hub = Hub()
    thread = threading.Thread(target=hub.serve_forever, daemon=True)
    thread.start()
    try:
        yield hub
    finally:
        hub.shutdown()
        hub.server_close()
        thread.join()


def point_to(url, folder, monkeypatch):
    """Lets `huggingface_hub` use a server and a cache, as HF_ENDPOINT and HF_HUB_CACHE do before it
    is imported."""
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "ENDPOINT", url)
    template = url + "/{repo_id}/resolve/{revision}/{filename}"
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(folder))


@contextlib.contextmanager
def standing_in(folder, monkeypatch):
    """A running `Hub` that `huggingface_hub` uses, with a token that may write."""
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    with running() as hub:
        point_to(hub.url, folder, monkeypatch)
        yield hub


def sha(number):
    """The name of a commit."""
    return f"{number:040x}"


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def do_GET(self):
        self.answer()

    do_HEAD = do_POST = do_GET

    def answer(self):
        path = urllib.parse.unquote(urllib.parse.urlsplit(self.path).path)
        length = int(self.headers.get("Content-Length") or 0)
        self.content = self.rfile.read(length)
        for pattern, respond in ROUTES.items():
            if parts := re.fullmatch(pattern, path):
                return respond(self, **parts.groupdict())
        self.send(404, {"error": f"nothing at {path}"})

    def send(self, status, content, **headers):
        body = content if isinstance(content, bytes) else json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def known(self):
        return self.headers.get("Authorization") == f"Bearer {TOKEN}"

    def commits(self, repo):
        """The commits of a repository that the caller may see; else answers and returns `None`."""
        if repo in self.server.repos and (repo not in self.server.private or self.known()):
            return self.server.repos[repo]
        self.send(404, {"error": "Repository not found"}, X_Error_Code="RepoNotFound")
        return None

    def state(self, repo, revision):
        """Number and files of a commit; else answers and returns `None`."""
        commits = self.commits(repo)
        if commits is None:
            return None
        numbers = {sha(i): i for i in range(len(commits))} | {"main": len(commits) - 1}
        if revision not in numbers:
            self.send(404, {"error": "Revision not found"}, X_Error_Code="RevisionNotFound")
            return None
        return numbers[revision], commits[numbers[revision]]

    def create(self):
        about = json.loads(self.content)
        if not self.known():
            return self.send(401, {"error": "Invalid username or password."})
        repo = f"{about['organization']}/{about['name']}"
        if repo in self.server.repos:
            return self.send(409, {"error": "exists", "url": f"{self.server.url}/{repo}"})
        self.server.repos[repo] = [{}]
        if about.get("visibility") == "private" or about.get("private"):
            self.server.private.add(repo)
        self.send(200, {"url": f"{self.server.url}/{repo}", "name": repo, "id": repo})

    def validate(self):
        self.send(200, {"errors": [], "warnings": []})

    def info(self, repo, revision="main"):
        if found := self.state(repo, revision):
            number, files = found
            siblings = [{"rfilename": name} for name in files]
            self.send(200, {"id": repo, "sha": sha(number), "siblings": siblings, "private": False})

    def tree(self, repo, revision):
        if found := self.state(repo, revision):
            listed = [
                {
                    "type": "file",
                    "path": name,
                    "size": len(content),
                    "oid": hashlib.sha1(content).hexdigest(),
                }
                for name, content in found[1].items()
            ]
            self.send(200, listed)

    def resolve(self, repo, revision, name):
        if found := self.state(repo, revision):
            number, files = found
            if name not in files:
                return self.send(404, {"error": "no entry"}, X_Error_Code="EntryNotFound")
            tag = f'"{hashlib.sha1(files[name]).hexdigest()}"'
            self.send(200, files[name], ETag=tag, X_Repo_Commit=sha(number))

    def preupload(self, repo, revision):
        if self.commits(repo) is not None:
            asked = json.loads(self.content)["files"]
            plain = {"uploadMode": "regular", "shouldIgnore": False}
            self.send(200, {"files": [{"path": each["path"], **plain} for each in asked]})

    def commit(self, repo, revision):
        commits = self.commits(repo)
        if commits is None:
            return None
        if not self.known():
            return self.send(403, {"error": "no right to write"})
        files = dict(commits[-1])
        for line in map(json.loads, self.content.splitlines()):
            value = line["value"]
            if line["key"] == "file":
                files[value["path"]] = base64.b64decode(value["content"])
            elif line["key"] == "deletedFile":
                del files[value["path"]]
        commits.append(files)
        made = sha(len(commits) - 1)
        url = f"{self.server.url}/{repo}/commit/{made}"
        self.send(200, {"commitUrl": url, "commitOid": made, "pullRequestUrl": None})


REPO = r"(?P<repo>[^/]+/[^/]+)"
ROUTES = {
    r"/api/repos/create": Handler.create,
    r"/api/validate-yaml": Handler.validate,
    rf"/api/models/{REPO}": Handler.info,
    rf"/api/models/{REPO}/revision/(?P<revision>[^/]+)": Handler.info,
    rf"/api/models/{REPO}/tree/(?P<revision>[^/]+)": Handler.tree,
    rf"/api/models/{REPO}/preupload/(?P<revision>[^/]+)": Handler.preupload,
    rf"/api/models/{REPO}/commit/(?P<revision>[^/]+)": Handler.commit,
    rf"/{REPO}/resolve/(?P<revision>[^/]+)/(?P<name>.+)": Handler.resolve,
}
