"""Serves the lab: as a page of its own by stand-alone Voilà, or through a Jupyter server that is there already.

In both, large photos must arrive and a page's kernel must end with the page; neither is so by default.
"""

import atexit
import logging
import os
import shutil
import socket
import tempfile
from pathlib import Path

# Photos of up to 20 MB arrive, and larger ones still far enough to be answered with a sentence.
WEBSOCKET_LIMIT = 100_000_000
THREAD_VARIABLES = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")
ADDRESS = "127.0.0.1"
# A page and its kernel talk through sockets that are files, in a folder that only their owner can read: between the
# choice of a port and its use another program may take it, and the page would not open. The path of such a file may
# have 103 bytes; Voilà's folder and Jupyter's name for it take 65 of them.
LONGEST_FOLDER = 38
HOMES = ("JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "JUPYTER_CONFIG_DIR", "IPYTHONDIR", "MPLCONFIGDIR")


def front_page():
    """The notebook that leads to the others: within the package in an installed copy, beside it in a checkout."""
    package = Path(__file__).parent
    for place in (package / "notebooks", package.parent / "notebooks"):
        if (place / "index.ipynb").is_file():
            return place / "index.ipynb"
    raise ValueError(f"The notebook index.ipynb is missing from {package}. Install mnistlab again.")


def serve(port, browser, dataset, data_dir, threads):
    """Serve the lab until it is stopped. Raises ValueError for a port that is not free."""
    _check_free(port)
    _find_room()
    import zmq
    from traitlets.config import Config
    from voila.app import Voila
    from voila.tornado.handler import TornadoVoilaHandler

    os.environ["MNISTLAB_DATASET"] = dataset
    if data_dir:
        os.environ["MNISTLAB_DATA"] = str(Path(data_dir).expanduser().resolve())
    for name in THREAD_VARIABLES:  # a page is one student's; threads of many would only fight for the cores
        if threads is None:
            os.environ.setdefault(name, "1")
        else:
            os.environ[name] = str(threads)
    lab = f"http://{ADDRESS}:{port}/lab.ipynb"
    print(f"The lab is at {lab}, the lessons are at http://{ADDRESS}:{port}/ (stop with Ctrl+C).", flush=True)
    page = Config()
    page.Voila.ip, page.Voila.port, page.Voila.port_retries = ADDRESS, port, 0
    page.Voila.open_browser, page.Voila.log_level = browser, "ERROR"
    page.Voila.tornado_settings = {"websocket_max_message_size": WEBSOCKET_LIMIT}
    page.VoilaConfiguration.strip_sources, page.VoilaConfiguration.show_tracebacks = True, False
    page.VoilaConfiguration.prelaunch_hook = _set_cookie
    page.VoilaConfiguration.http_header_envs = ["Accept-Language"]  # a kernel begins in the language of its page
    page.VoilaConfiguration.allow_template_override = "NOTEBOOK"  # an address must not choose a page with outside links
    folder = _folder_for_sockets()
    if folder:
        page.Voila.connection_dir_root, page.KernelManager.transport = folder, "ipc"
    elif zmq.has("curve"):  # nobody else on a shared machine can listen in
        page.KernelManager.transport_encryption = "auto"
    # A closed page whose goodbye got lost leaves a kernel behind: end it after ten minutes.
    page.MappingKernelManager.cull_idle_timeout, page.MappingKernelManager.cull_interval = 600, 60
    for name in ("Pages", "asyncio", "tornado.application", "tornado.general", "tornado.access"):
        logging.getLogger(name).addFilter(_worth_a_line)

    class Pages(Voila):
        """The front page at the root, as Voilà has it, and every notebook beside it under its own name."""

        def init_handlers(self):
            options = {
                "template_paths": self.template_paths, "config": self.config,
                "voila_configuration": self.voila_configuration,
            }
            return [(r"/([\w-]+\.ipynb)", TornadoVoilaHandler, options), *super().init_handlers()]

    page.Voila.custom_display_url = lab
    Pages.launch_instance([str(front_page())], config=page)


def _find_room():
    """Where nothing can be written at home, Jupyter and matplotlib keep their own files in a folder for this once."""
    from jupyter_core.paths import jupyter_data_dir, jupyter_runtime_dir

    try:
        for folder in map(Path, (jupyter_data_dir(), jupyter_runtime_dir())):
            folder.mkdir(parents=True, exist_ok=True)
            tempfile.TemporaryFile(dir=folder).close()
    except OSError:
        folder = Path(tempfile.mkdtemp(prefix="mnistlab-"))
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
        for name in HOMES:
            os.environ[name] = str(folder / name.lower())


def _folder_for_sockets():
    """A folder with a name short enough for sockets in it, which a Mac's for temporary files has not; "" for none."""
    places = (tempfile.gettempdir(), "/tmp") if os.name == "posix" else ()
    short = (each for each in places if len(os.fsencode(each)) <= LONGEST_FOLDER)
    return next((each for each in short if os.access(each, os.W_OK | os.X_OK)), "")


def _worth_a_line(record):
    """A filter of log records: a page that is left in the middle of something is no error, and needs no traceback.

    Jupyter takes a page that is left while it connects for an error of its own (500), and a kernel that ends while it
    looks for idle ones, too (KeyError). And Tornado warns that it takes Jupyter's milliseconds between two pings for
    seconds: harmless, for Jupyter pings by itself.
    """
    error = record.exc_info[1] if record.exc_info else None
    while error is not None:
        if type(error).__name__ == "WebSocketClosedError" or "kernel_ws_protocol" in str(error):
            return False
        error = error.__context__
    message = record.getMessage()
    if "checking the idle duration of kernel" in message and record.exc_info and record.exc_info[0] is KeyError:
        return False
    left = record.name == "tornado.access" and message.startswith("500 GET /api/kernels/") and "/channels" in message
    return not left and not message.startswith("The websocket_ping_timeout")


def _set_cookie(request, notebook, cwd):
    """Called by Voilà before each page: without this cookie it refuses a page's farewell, which ends its kernel."""
    request.xsrf_token  # reading it sets the cookie


def _jupyter_server_extension_points():
    """Jupyter's own name for: this module extends a Jupyter server (JupyterLab, a hub, Binder)."""
    return [{"module": "mnistlab.server"}]


def _link_jupyter_server_extension(jupyter):
    """Before Jupyter loads Voilà: what `serve` does for the stand-alone page, unless it is configured otherwise."""
    if "prelaunch_hook" not in jupyter.config.VoilaConfiguration:
        jupyter.config.VoilaConfiguration.prelaunch_hook = _set_cookie
    if "http_header_envs" not in jupyter.config.VoilaConfiguration:
        jupyter.config.VoilaConfiguration.http_header_envs = ["Accept-Language"]


def _load_jupyter_server_extension(jupyter):
    """Jupyter's own limit of 10 MB would cut the connection in the middle of a phone's photo.

    A server that ends idle sessions even where a page is open (Binder does, after ten minutes) tells its kernels so;
    the page then counts the last minutes down. Where something else ends sessions, set the variable yourself.
    """
    kernels = jupyter.kernel_manager
    if kernels.cull_connected and kernels.cull_idle_timeout > 0:
        os.environ.setdefault("MNISTLAB_IDLE_SECONDS", str(kernels.cull_idle_timeout))
    jupyter.web_app.settings.setdefault("websocket_max_message_size", WEBSOCKET_LIMIT)


def _check_free(port):
    if not 1 <= port <= 65535:
        raise ValueError(f"The port is {port}; it must be from 1 to 65535.")
    with socket.socket() as probe:
        if os.name != "nt":  # a port that was closed a moment ago is free
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((ADDRESS, port))
        except OSError as error:
            raise ValueError(
                f"Port {port} cannot be used ({error.strerror}). "
                f"Choose another with --port, such as --port {port % 65535 + 1}."
            ) from None
