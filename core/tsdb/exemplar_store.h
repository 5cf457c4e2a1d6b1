#pragma once
#include "core/storage/storage.h"
namespace narthex::tsdb {
class ExemplarStore {
public:
    [[nodiscard]] storage::ExemplarResult check(storage::SeriesRef, const model::Exemplar&) const { return storage::ExemplarResult::Ignored; }
    storage::ExemplarResult append(const model::Labels&, storage::SeriesRef, const model::Exemplar&){ return storage::ExemplarResult::Ignored; }
    void resize(std::size_t) {}
};
}
