#pragma once

#define CONVERGE_VERSION "0.1.0"
