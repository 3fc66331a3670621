"""Reads a dataset from the hub named by HF_ENDPOINT with Hugging Face's own
clients, and prints what it gets as one JSON object."""

import hashlib
import importlib.util
import json
import sys

import datasets
import huggingface_hub

repo, revision, token = sys.argv[1:4]
token = token or None
api = huggingface_hub.HfApi(token=token)
info = api.dataset_info(repo, revision=revision)
out = {"commit": info.sha, "siblings": sorted(s.rfilename for s in info.siblings), "files": {}, "rows": {}, "refs": {}}
for entry in api.list_repo_tree(repo, repo_type="dataset", revision=info.sha, recursive=True):
    if isinstance(entry, huggingface_hub.hf_api.RepoFile):
        out["files"][entry.path] = {"size": entry.size, "oid": entry.lfs.sha256 if entry.lfs else entry.blob_id}
for path, f in out["files"].items():
    name = huggingface_hub.hf_hub_download(repo, path, repo_type="dataset", revision=revision, token=token)
    with open(name, "rb") as data:
        f["sha256"] = hashlib.sha256(data.read()).hexdigest()
for ref in api.list_repo_refs(repo, repo_type="dataset").tags:
    out["refs"][ref.name] = ref.target_commit
sources = {"real": (repo, "some", revision), "lines": ("owner/lines", None, None), "gz": ("owner/gz", None, None)}
if importlib.util.find_spec("zstandard"):
    sources["zst"] = ("owner/zst", None, None)
for name, (source, config, at) in sources.items():
    rows = datasets.load_dataset(source, config, split="train", streaming=True, revision=at, token=token)
    out["rows"][name] = [row["text"] for row in rows]

out["renamed"] = api.dataset_info("owner/before").id
with open(huggingface_hub.hf_hub_download("owner/before", "train.jsonl", repo_type="dataset", token=token)) as data:
    out["renamed_rows"] = len(data.readlines())

fs = huggingface_hub.HfFileSystem(token=token)
with fs.open(f"datasets/{repo}@{info.sha}/data/train-00000-of-00002.parquet") as f:
    f.seek(-4, 2)
    out["magic"] = f.read().decode()
try:
    api.dataset_info(repo, revision="none")
except huggingface_hub.errors.RevisionNotFoundError:
    out["no_revision"] = True
try:
    huggingface_hub.hf_hub_download(repo, "none", repo_type="dataset", revision=revision, token=token)
except huggingface_hub.errors.EntryNotFoundError:
    out["no_entry"] = True
try:
    api.dataset_info("owner/none")
except huggingface_hub.errors.RepositoryNotFoundError:
    out["no_repo"] = True
try:
    huggingface_hub.get_hf_file_metadata(huggingface_hub.hf_hub_url(repo, "README.md", repo_type="dataset"), token=False)
except huggingface_hub.errors.GatedRepoError:
    out["gated"] = True
print(json.dumps(out))
