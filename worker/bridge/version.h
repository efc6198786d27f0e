#pragma once

#define CONVERGE_VERSION "0.2.0"
