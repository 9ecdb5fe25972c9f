// Node-API as far as the addon uses it, without Node: values live until the thread "ends".
#pragma once

#include <node_api.h>

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

struct napi_value__ {
  enum Kind { kPlain, kBuffer, kView, kArray };
  napi_valuetype type = napi_undefined;
  Kind kind = kPlain;
  double number = 0;
  std::string text;
  // Of a buffer or a view: allocated to the byte, so that a step beyond it is seen.
  uint8_t* data = nullptr;
  size_t length = 0;
  bool owned = false;
  std::vector<napi_value> elements;
  std::map<std::string, napi_value> properties;
  napi_callback callback = nullptr;
  void* callback_data = nullptr;
  struct Finalizer {
    napi_finalize run;
    void* data;
    void* hint;
  };
  std::vector<Finalizer> finalizers;
};

namespace fuzz {

// One JavaScript thread with the addon in it.
class Thread {
 public:
  Thread();
  ~Thread();

  napi_env env() const { return env_; }
  // The functions of the addon, by name.
  const std::map<std::string, napi_value>& exports() const { return exports_->properties; }
  // Calls one, and does what it gave to helper threads.
  napi_value call(napi_value function, std::vector<napi_value> arguments);

  napi_value number(double value) const;
  napi_value text(const std::string& value) const;
  napi_value view(const std::vector<uint8_t>& bytes) const;
  napi_value array(std::vector<napi_value> elements) const;
  napi_value function() const;
  napi_value undefined() const;

 private:
  napi_env env_;
  napi_value exports_;
};

}  // namespace fuzz
