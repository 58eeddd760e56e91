-- The argument is how many bytes each request uploads; 0 asks with GET.
init = function(args)
   local size = tonumber(args[1] or "0")
   if size > 0 then
      wrk.method = "POST"
      wrk.body = string.rep("x", size)
   end
end

-- One line of JSON in place of wrk's report. Latencies are in microseconds.
done = function(summary, latency, requests)
   local failed = summary.errors.connect + summary.errors.read + summary.errors.write
      + summary.errors.status + summary.errors.timeout
   io.write(string.format('\n{"requests": %d, "seconds": %f, "p50_us": %f, "p99_us": %f, "failed": %d}\n',
      summary.requests, summary.duration / 1e6, latency:percentile(50), latency:percentile(99), failed))
end
