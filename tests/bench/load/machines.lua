-- For wrk: asks for the script of one machine after the other, as iPXE does, and prints what came of it as JSON.
-- Argument: how many machines there are, as bench/engine.py numbers them.

local requests, place = {}, 0

function init(args)
    for number = 0, tonumber(args[1]) - 1 do
        local mac = string.format("52-54-00-%02x-%02x-%02x", math.floor(number / 65536), math.floor(number / 256) % 256, number % 256)
        local query = string.format("uuid=4c4c4544-0051-3510-8052-%012x&mac=%s&domain=&hostname=&serial=S%d&arch=x86_64", number, mac, number)
        requests[#requests + 1] = wrk.format("GET", "/ipxe?" .. query)
    end
end

function request()
    -- Not one after the other: neighbours would lie side by side in memory and on disk.
    place = (place + 7919) % #requests
    return requests[place + 1]
end

function done(summary, latency, _)
    local errors = summary.errors
    local failed = errors.connect + errors.read + errors.write + errors.status + errors.timeout
    local form = '{"requests": %d, "seconds": %f, "p99_ms": %f, "failed": %d}\n'
    io.write("\n", string.format(form, summary.requests, summary.duration / 1e6, latency:percentile(99) / 1e3, failed))
end
