local data = {}
for i = 1, 100000 do data[i] = {id = i, name = "row " .. i, score = i % 100} end
local best = {}
for _, r in ipairs(data) do
  if r.score >= 50 then best[#best + 1] = {name = r.name, double = r.score * 2} end
end
print(#best)
