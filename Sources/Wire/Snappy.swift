internal import CSnappy
